"""The folder of a service, which has its token, its log and its state.

    ProgramData/bkagent/NAME/       administrators may change it, the account of the service may read it
        token                       registers the agent
        account                     identifies that account
    logs/service.log            what the agent logs; the account may change this folder and the next ones
        state/                      the agent's state folder
        builds/                     checkouts of jobs

It lies below ProgramData, as every user has that and no profile is needed.
"""

from __future__ import annotations

import os
import string
from typing import List, Mapping

from bkagent.config import paths
from bkagent.errors import ConfigError

_LETTERS = frozenset(string.ascii_letters + string.digits + "._-")
_LONGEST_NAME = 80  # Windows has 256; virtual accounts and paths have less


class ServiceFolder:
    """Paths of one service. Nothing is made."""

    def __init__(self, name: str, environ: Mapping[str, str]) -> None:
        if not (0 < len(name) <= _LONGEST_NAME and set(name) <= _LETTERS and name[0].isalnum() and name[-1] != "."):
            raise ConfigError(
                f"name must be at most {_LONGEST_NAME} letters, digits, dots, dashes and underscores that begin with "
                f'a letter or a digit, not "{name}"'
            )
        self.shared = os.path.join(paths.machine_data(environ), "bkagent")
        self.root = os.path.join(self.shared, name)
        self.token = os.path.join(self.root, "token")
        self.account = os.path.join(self.root, "account")
        self.log = os.path.join(self.root, "logs", "service.log")
        self.state = os.path.join(self.root, "state")
        self.builds = os.path.join(self.root, "builds")

    def writable(self) -> List[str]:
        """Return the folders that the account of the service may change."""
        return [os.path.dirname(self.log), self.state, self.builds]
