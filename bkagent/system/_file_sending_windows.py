"""Windows sends whole files so, by a call that Python does not have."""

from __future__ import annotations

import _socket as socket
from typing import Optional


def send_unread(connection: socket.socket, file: int, offset: int, size: int, patience_s: float) -> Optional[int]:
    """Return None."""
    return None


def buffered_limit_bytes() -> int:
    """Return 0: nothing is sent unread."""
    return 0
