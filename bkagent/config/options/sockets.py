"""Where agents and jobs meet on one machine."""

import os

from bkagent.config.kinds import FILE_PATH
from bkagent.config.option import Option

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


def default_sockets_path(environ: "Mapping[str, str]") -> str:
    """Return the folder of the sockets that jobs and agents meet at."""
    return os.path.join("$HOME" if environ.get("HOME") else "~", ".buildkite-agent", "sockets")


SOCKETS_PATH = Option(
    "sockets-path",
    FILE_PATH,
    default_sockets_path,
    env=("BUILDKITE_SOCKETS_PATH",),
    help="Folder of the sockets of the agent and its jobs.",
)
