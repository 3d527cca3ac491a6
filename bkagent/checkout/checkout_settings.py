"""The settings of a checkout: read from the job's environment once, and again after each hook that changed it.

Some variables are read again (a hook may turn submodules off), others count only as they were when the job
process started: a hook that changes BUILDKITE_COMMIT changes what later commands see, not what is checked out.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Mapping, Tuple

from bkagent.config.compat import COMPAT, Compat
from bkagent.config.kinds import LIST
from bkagent.config.options import bootstrap, checkout, logging
from bkagent.config.variables import job_variables
from bkagent.config.variables.job_variable import JobVariable
from bkagent.errors import ConfigError, JobFailed
from bkagent.shell.words import split
from bkagent.wire import go_quoted

SPARSE_MODES = tuple(filter(None, checkout.GIT_SPARSE_CHECKOUT_MODE.kind.words))
MIRROR_MODES = checkout.GIT_MIRROR_CHECKOUT_MODE.kind.words


class Checkout:
    """One job's checkout, and what else its hooks may change. Attributes, all of which only `replaced` changes:

    the `field` of each job variable that has one; texts are as given: flags are split when they are used, so that a
                        bad one fails there
    runs_command        whether the job's process goes on to the command
    resolves_commit     whether BUILDKITE_COMMIT becomes the commit that was checked out
    is_v4               whether version 4 of the reference is followed
    reached_by_https    how repositories begin that git reaches by HTTPS whatever they say; "" for none
    first_repository    the repository at the start
    """

    def __init__(self, **values: object) -> None:
        self._values = {**_DEFAULTS, **values}

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["_values"][name]
        except KeyError:
            raise AttributeError(f"a checkout has no setting {name!r}") from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Checkout) and self._values == other._values

    def replaced(self, **changes: object) -> "Checkout":
        """Return the same settings but for these."""
        return Checkout(**{**self._values, **changes})

    def refreshed(self, environ: Mapping[str, str], complain: Callable[[str], None]) -> "Checkout":
        """Return these settings after a change of the environment. Unset variables have their defaults."""
        unset = {row.field: row.default for row in _REFRESHED if row.name not in environ}
        return self.replaced(**unset, **_present(environ, _REFRESHED, complain))


_REFRESHED = tuple(row for row in job_variables.FIELDS.values() if row.follows_hooks)
# The variables whose new values the log shows when a hook changes them, and the settings that they are.
REFRESHED = {row.name: row.field for row in _REFRESHED}
_DEFAULTS: Dict[str, object] = {
    **{field: row.default for field, row in job_variables.FIELDS.items()}, "runs_command": True,
    "resolves_commit": False, "is_v4": False, "reached_by_https": "", "first_repository": "",
}  # fmt: skip


def read(environ: Mapping[str, str], complain: Callable[[str], None]) -> Checkout:
    """Return the settings of a job that starts. Raises ConfigError for an unknown mode.

    An invalid number or truth value is named to `complain` and left at its default.
    """
    settings = Checkout(**_present(environ, tuple(job_variables.FIELDS.values()), complain))
    experiments = LIST.from_hook(environ.get(logging.EXPERIMENT.env[0], ""))
    phases = LIST.from_hook(environ.get(bootstrap.PHASES.env[0], ""))
    assert isinstance(experiments, tuple) and isinstance(phases, tuple)
    if settings.sparse_mode and settings.sparse_mode not in SPARSE_MODES:
        raise ConfigError(bad_sparse_mode(settings.sparse_mode))
    if settings.mirror_mode not in MIRROR_MODES:
        modes = " ".join(MIRROR_MODES)
        raise ConfigError(f'invalid git mirror checkout mode "{settings.mirror_mode}", must be one of [{modes}]')
    is_v4 = Compat(environ.get(COMPAT.env[0], "")).checks_out_as_v4
    return settings.replaced(
        is_v4=is_v4,
        first_repository=settings.repository,
        attempts=settings.attempts if settings.attempts > 0 else checkout.CHECKOUT_ATTEMPTS.default,
        resolves_commit=is_v4 or "resolve-commit-after-checkout" in experiments,
        runs_command=not phases or "command" in phases,
    )


def bad_sparse_mode(mode: str) -> str:
    """Return the sentence about an unknown sparse mode."""
    return f'invalid sparse checkout mode "{mode}", must be one of [{" ".join(SPARSE_MODES)}]'


def words(text: str, doing: str) -> List[str]:
    """Return the words of a variable. Raises JobFailed, its text starting with `doing`, for an unclosed quote."""
    try:
        return split(text)
    except ValueError as error:
        raise JobFailed(f"{doing}: {error}", 1) from None


def flags_of(option: str, text: str) -> List[str]:
    """Return the flags of an option, split into words. Raises JobFailed."""
    return words(text, f"splitting --{option} {go_quoted.go_quote(text)}")


def _present(
    environ: Mapping[str, str], rows: "Tuple[JobVariable, ...]", complain: Callable[[str], None]
) -> Dict[str, object]:
    values: Dict[str, object] = {}
    for row in rows:
        text = environ.get(row.name)
        if text is None or row.reader is None:
            continue
        try:
            values[row.field] = row.reader.kind.from_hook(text)
        except ValueError as legal:
            complain(f"{row.name} is {text!r}, which is not {legal}: ignored")
    return values
