"""Find and read the configuration file of a command that has one."""

import os

from bkagent.config import paths
from bkagent.config.launching import self_command
from bkagent.config.options import session
from bkagent.config.settings import invalid_value
from bkagent.config.sources import file
from bkagent.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Tuple

    from bkagent.cli.command import Command
    from bkagent.config.settings import Settings

OPTION = "config"
VARIABLE = session.CONFIG.env[0]


def read(
    command: "Command", flags: "Dict[str, List[str]]", environ: "Dict[str, str]", warnings: "List[str]"
) -> "Tuple[str, Dict[str, Tuple[str, str]]]":
    """Return (the file's path as given or found, its texts by key); ("", {}) without a file.

    Adds a warning for each unknown key. Raises ConfigError when the file that was asked for does not exist or
    a line cannot be read.
    """
    path = find(flags, environ)
    if not path:
        return "", {}
    expanded = paths.expand(path, environ)
    if os.path.isdir(expanded):
        warnings.append(f"the configuration file {path} is a folder; nothing was read from it")
        return "", {}
    settings_in_file = file.read(expanded)
    warnings += file.unknown_keys(settings_in_file, (*command.options, *command.file_options))
    return path, settings_in_file


def find(flags: "Dict[str, List[str]]", environ: "Dict[str, str]") -> str:
    """Return the file that was asked for, else the first of the usual places, else "".

    Raises ConfigError when the one that was asked for does not exist.
    """
    asked = flags[OPTION][-1] if OPTION in flags else environ.get(VARIABLE, "")
    if not asked:
        return file.search(environ, self_command.program_folders())
    if not os.path.exists(paths.expand(asked, environ)):
        origin = f"flag --{OPTION}" if OPTION in flags else f"environment variable {VARIABLE}"
        raise ConfigError(invalid_value(OPTION, "a file that exists", asked, origin))
    return asked


def note(command: "Command", settings: "Settings", path: str) -> None:
    """Set the setting to the path of the file that was found, if none was given."""
    option = next(option for option in command.options if option.name == OPTION)
    if not settings[option]:
        settings.put(option, path, "usual place of configuration files")
