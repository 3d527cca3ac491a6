"""What `start` says of the program that jobs find as `buildkite-agent` in containers."""

from __future__ import annotations

import os
from typing import List, Mapping

from bkagent.config.options import agent
from bkagent.config.settings import Settings
from bkagent.errors import ConfigError
from bkagent.plugins import container_binary
from bkagent.shell import programs
from bkagent.system import static_program


def check(settings: Settings) -> None:
    """Raise ConfigError where the program that is set cannot be run."""
    path = settings[agent.CONTAINER_BINARY]
    if path and not (os.path.isfile(path) and os.access(path, os.X_OK)):
        raise ConfigError(
            f"container-binary must be a program, but {path} (from the {settings.origin(agent.CONTAINER_BINARY)}) "
            "is not an executable file"
        )


def warnings(settings: Settings, environ: Mapping[str, str]) -> List[str]:
    """Return a sentence where some images will not be able to run what is mounted. Without Docker there is none."""
    path = settings[agent.CONTAINER_BINARY]
    if path:
        if not static_program.is_dynamic(path):
            return []
        return [
            f"container-binary is {path}, which is not static: containers whose image lacks its libraries cannot run it"
        ]
    if not programs.find("docker", environ, "") or container_binary.find_static(environ):
        return []
    return [
        "In containers that mount buildkite-agent it requires Python 3.8 or newer in the image, as there is no static "
        "one on PATH; for other images set container-binary to the path of a static buildkite-agent"
    ]
