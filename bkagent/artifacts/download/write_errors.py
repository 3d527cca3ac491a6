"""The errors of files that cannot be written."""

from __future__ import annotations

import errno

from bkagent.errors import AgentError
from bkagent.wire.go_reason import reason_of
from bkagent.wire.shown_text import one_line

_NO_ROOM = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}


class NoRoomForFile(AgentError):
    """There is no room for a file, or none for its owner."""


def unwritable(path: str, problem: Exception) -> AgentError:
    """Return the error of a file that cannot be written, an OSError or a ValueError.

    Within a request the OSError itself would be taken for one of the connection, and tried again.
    """
    kind = NoRoomForFile if isinstance(problem, OSError) and problem.errno in _NO_ROOM else AgentError
    return kind(f"cannot write {one_line(path)}: {reason_of(problem)}")
