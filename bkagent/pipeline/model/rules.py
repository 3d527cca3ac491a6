"""Rules of a command step: soft fail, retries, the matrix."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, FrozenSet, Mapping, Optional, Tuple

# Source: pipelines of the reference service: a rule without a limit retries twice.
DEFAULT_RETRY_LIMIT = 2


@dataclass(frozen=True)
class SoftFail:
    """Which exit statuses fail the job but not the build."""

    any_status: bool = False
    statuses: FrozenSet[int] = frozenset()


@dataclass(frozen=True)
class AutomaticRetry:
    """One rule of `retry.automatic`. None means any; signals are upper case without "SIG", "none" means none."""

    statuses: Optional[FrozenSet[int]] = None
    signals: Optional[FrozenSet[str]] = None
    reasons: Optional[FrozenSet[str]] = None
    limit: int = DEFAULT_RETRY_LIMIT

    def matches(self, exit_status: int, signal: str, signal_reason: str) -> bool:
        """Return whether a job that ended this way falls under the rule. Every part of it must agree."""
        if exit_status == 0 or (self.statuses is not None and exit_status not in self.statuses):
            return False
        if self.signals is not None and (plain_signal(signal) or "none") not in self.signals:
            return False
        return self.reasons is None or (signal_reason or "none") in self.reasons


@dataclass(frozen=True)
class Retry:
    """What may be run again: by rule (`automatic`, first match decides), or by a person (`manual_…`)."""

    automatic: Tuple[AutomaticRetry, ...] = ()
    manual_allowed: bool = True
    manual_on_passed: bool = True
    manual_reason: str = ""


@dataclass(frozen=True)
class Adjustment:
    """What differs for the combinations that have the values of `combination`.

    One that names every dimension is a combination of its own, which the product need not have.
    """

    combination: Mapping[str, str]
    skip: str = ""
    soft_fail: Optional[SoftFail] = None
    document: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Matrix:
    """Dimensions in document order ("" names the only dimension of a plain list) and what is adjusted."""

    dimensions: Mapping[str, Tuple[str, ...]]
    adjustments: Tuple[Adjustment, ...] = ()


def plain_signal(name: str) -> str:
    """Return a signal's name in upper case without its prefix: "sigterm" gives "TERM"."""
    upper = name.upper()
    return upper[3:] if upper.startswith("SIG") else upper
