"""The symbolic link that names the leader's socket, which agents of the reference read and change as well."""

from __future__ import annotations

import os

from bkagent.system import unguessable


class LeaderLink:
    """The link at `path`. Every method may raise OSError."""

    def __init__(self, path: str) -> None:
        self.path = path

    def target(self) -> str:
        """Return the path of the leader's socket; "" where there is no link, or something else in its place."""
        try:
            return os.readlink(self.path)
        except OSError:
            return ""

    def set(self, target: str) -> None:
        """Make the link lead to `target`, whatever was there. No client ever finds the link missing in between."""
        aside = f"{self.path}-{unguessable.below(10**10)}"
        os.symlink(target, aside)
        try:
            os.replace(aside, self.path)
        except OSError:
            os.unlink(aside)
            raise

    def remove(self, target: str) -> None:
        """Remove the link if it leads to `target`."""
        if self.target() == target:
            os.unlink(self.path)
