"""Find and read the configuration file of a command that has one."""

import os

from bkagent.config import file
from bkagent.config.self_command import code_root
from bkagent.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

    from bkagent.cli.command import Command

VARIABLE = "BUILDKITE_AGENT_CONFIG"


def read(
    command: "Command", flags: "Dict[str, List[str]]", environ: "Dict[str, str]", warnings: "List[str]"
) -> "Dict[str, Tuple[str, str]]":
    """Return the file's texts by key; {} without a file. Adds a warning for each unknown key.

    Raises ConfigError when the file that was asked for does not exist or a line cannot be read.
    """
    asked = flags["config"][-1] if "config" in flags else environ.get(VARIABLE, "")
    if asked and not os.path.exists(asked):
        raise ConfigError(f"the configuration file {asked} does not exist")
    path = asked or file.search(environ, code_root())
    if asked and os.path.isdir(asked):
        warnings.append(f"the configuration file {asked} is a folder; nothing was read from it")
        return {}
    if not path:
        return {}
    found = file.read(path)
    warnings += file.unknown_keys(found, command.options)
    return found
