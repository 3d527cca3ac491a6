"""The link that names the leader's socket, which agents of the reference read and change as well.

It is a symbolic link, and on Windows a file with the name of a pipe.
"""

from __future__ import annotations

import os

from bkagent.system import local_socket


class LeaderLink:
    """The link at `path`. Every method may raise OSError."""

    def __init__(self, path: str) -> None:
        self.path = path

    def target(self) -> str:
        """Return the path of the leader's socket; "" where there is no link, or something else in its place."""
        return local_socket.link_target(self.path)

    def set(self, target: str) -> None:
        """Make the link lead to `target`, whatever was there. No client ever finds the link missing in between."""
        local_socket.link(self.path, target)

    def remove(self, target: str) -> None:
        """Remove the link if it leads to `target`."""
        if self.target() == target:
            os.unlink(self.path)
