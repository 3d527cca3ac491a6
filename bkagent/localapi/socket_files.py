"""Where the sockets of jobs are, and those whose processes have ended: one that is killed leaves its socket."""

from __future__ import annotations

import os
import re
import time
from typing import Tuple

from bkagent.system import local_socket, plain_file

_CONNECT_LIMIT_S = 1.0
# That nobody answers may also mean that the folder is shared with another machine, whose job runs for long.
JOB_SOCKET_AGE_S = 86_400.0
_JOB_SOCKET = re.compile(r"\d+-\d+\.sock")


def job_folders(sockets_path: str, temporary_path: str) -> Tuple[str, str]:
    """Return the folder of the jobs' sockets, and the one in a temporary folder for where that is not possible."""
    return os.path.join(sockets_path, "job-api"), os.path.join(temporary_path, own_name(), "job-api")


def own_name() -> str:
    """Return a name in temporary folders that no other user's program has."""
    return f"bkagent-{os.geteuid() if hasattr(os, 'geteuid') else 'user'}"


def remove_dead(path: str) -> bool:
    """Remove the socket at `path` if its process has ended; return whether the path is free now."""
    if _is_served(path):
        return False
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError:
        return False
    return True


def remove_dead_job_sockets(folder: str) -> None:
    """Remove the sockets of jobs in a folder that are dead and older than JOB_SOCKET_AGE_S. Never raises OSError."""
    if not plain_file.is_own_folder(folder):
        return
    try:
        names = [name for name in os.listdir(folder) if _JOB_SOCKET.fullmatch(name)]
    except OSError:
        return
    for name in names:
        path = os.path.join(folder, name)
        try:
            if time.time() - os.lstat(path).st_mtime > JOB_SOCKET_AGE_S:
                remove_dead(path)
        except OSError:
            continue


def _is_served(path: str) -> bool:
    try:
        local_socket.connect(path, _CONNECT_LIMIT_S).close()
    except (ConnectionRefusedError, FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return os.path.exists(path)
    return True
