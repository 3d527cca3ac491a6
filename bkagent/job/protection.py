"""Which variables hooks and the job API may not change."""

from __future__ import annotations

import os
from typing import Mapping

from bkagent.localapi.protected import CHECKOUT_OVERRIDE_MODE, is_protected

IGNORES_CASE = os.sep == "\\"


class Protection:
    """`command_eval` is whether the job may run any command line; where not, the checkout is locked as well."""

    def __init__(self, environ: Mapping[str, str], command_eval: bool) -> None:
        # As it was at the start: what the job sets cannot loosen it.
        self._mode = environ.get(CHECKOUT_OVERRIDE_MODE, "") if command_eval else "strict"

    def covers(self, name: str) -> bool:
        """Return whether a variable may not be changed."""
        return is_protected(name, self._mode, fold_case=IGNORES_CASE)
