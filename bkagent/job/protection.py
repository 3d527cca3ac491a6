"""Which variables hooks, in-job commands and secrets may not change."""

from __future__ import annotations

import os
from typing import Mapping

from bkagent.localapi.protected import ALWAYS, CHECKOUT, CHECKOUT_OVERRIDE_MODE, is_protected

__all__ = ["CHECKOUT_OVERRIDE_MODE", "Protection", "is_closed_to_secrets"]

IGNORES_CASE = os.sep == "\\"

# Hooks and in-job commands may set these, secrets may not.
_CLOSED_TO_SECRETS = ALWAYS | {
    "BUILDKITE_ARTIFACT_PATHS", "BUILDKITE_ARTIFACT_UPLOAD_DESTINATION", "BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH",
    "BUILDKITE_REFSPEC", "BUILDKITE_REPO",
}  # fmt: skip


class Protection:
    """`command_eval` is whether the job may run any command line; where not, the checkout is locked as well.

    mode   who may change the checkout: "strict", "from-job" or "none"
    """

    def __init__(self, environ: Mapping[str, str], command_eval: bool) -> None:
        # As it was at the start: what the job sets cannot loosen it.
        self.mode = (environ.get(CHECKOUT_OVERRIDE_MODE) or "from-job") if command_eval else "strict"

    def covers(self, name: str) -> bool:
        """Return whether hooks and in-job commands may not change a variable."""
        return is_protected(name, self.mode, fold_case=IGNORES_CASE)

    def locks_secret(self, name: str) -> bool:
        """Return whether a variable of the checkout is locked against secrets."""
        return self.mode != "none" and _folded(name) in CHECKOUT


def is_closed_to_secrets(name: str) -> bool:
    """Return whether no secret may ever set a variable."""
    return _folded(name) in _CLOSED_TO_SECRETS


def _folded(name: str) -> str:
    return name.upper() if IGNORES_CASE else name
