"""What `start` says of the program that jobs find as `buildkite-agent` in containers."""

from __future__ import annotations

import os

from bkagent.config.options import agent
from bkagent.config.settings import Settings
from bkagent.errors import ConfigError
from bkagent.plugins import container_binary
from bkagent.shell import programs
from bkagent.system import static_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Mapping

# In the state folder, once `start` has said what containers require: nothing changes it, and a restart says it no more.
_TOLD = "told-of-containers"


def check(settings: Settings) -> None:
    """Raise ConfigError where the program that is set cannot be run."""
    path = settings[agent.CONTAINER_BINARY]
    if path and not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise ConfigError(
            f"container-binary must be a program, but {path} (from the {settings.origin(agent.CONTAINER_BINARY)}) "
            "is not an executable file"
        )


def warnings(settings: Settings, environ: Mapping[str, str], state_path: str) -> List[str]:
    """Return a sentence where some images will not be able to run what is mounted.

    That there is no static program at all is said once for each state folder, and only where plugins can use Docker.
    """
    path = settings[agent.CONTAINER_BINARY]
    if path:
        if not static_program.is_dynamic(path):
            return []
        return [
            f"container-binary is {path}, which is not static: containers whose image lacks its libraries cannot run it"
        ]
    if settings[agent.NO_PLUGINS] or not programs.find("docker", environ, ""):
        return []
    if container_binary.find_static(environ) or not _is_first_time(state_path):
        return []
    return [
        "In containers that mount buildkite-agent it requires Python 3.8 or newer in the image, as there is no static "
        "one on PATH; for other images set container-binary to the path of a static buildkite-agent (said only once)"
    ]


def _is_first_time(state_path: str) -> bool:
    """Return whether this is the first start of all that asks; True as well where that cannot be kept."""
    try:
        os.close(os.open(os.path.join(state_path, _TOLD), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    except OSError:
        pass
    return True
