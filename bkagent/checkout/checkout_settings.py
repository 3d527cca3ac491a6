"""What a checkout is to do: read from the job's environment once, and again after each hook that changed it.

Some variables are looked at again (a hook may turn submodules off), others count only as they were when the job
process started: a hook that changes BUILDKITE_COMMIT changes what later commands see, not what is checked out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List, Mapping, Tuple

from bkagent.config.compat import COMPAT, Compat
from bkagent.errors import ConfigError, JobFailed
from bkagent.shell.words import split
from bkagent.wire import go_quoted

SPARSE_MODES = ("cone", "no-cone")
MIRROR_MODES = ("reference", "dissociate")
CHECKOUT_PATH = "BUILDKITE_BUILD_CHECKOUT_PATH"
_TRUE = frozenset(("1", "t", "T", "TRUE", "true", "True"))
_FALSE = frozenset(("0", "f", "F", "FALSE", "false", "False"))


@dataclass(frozen=True)
class Checkout:
    """One job's checkout. Texts are as given; flags are split when they are used, so that a bad one fails there."""

    # As they were at the start.
    commit: str = ""
    branch: str = ""
    tag: str = ""
    pull_request: str = "false"
    uses_merge_refspec: bool = False
    pull_request_head: str = ""
    provider: str = ""
    pipeline: str = ""
    mirrors_path: str = ""
    mirrors_lock_timeout_s: int = 300
    scans_host_keys: bool = True
    attempts: int = 6
    runs_command: bool = True
    resolves_commit: bool = False
    is_v4: bool = False
    # How repositories begin that git reaches by HTTPS whatever they say; "" for none.
    reached_by_https: str = ""
    first_repository: str = ""
    remote_mirror: str = ""
    # Refreshed.
    repository: str = ""
    refspec: str = ""
    submodules: bool = True
    lfs: bool = False
    clean_first: bool = False
    skip: bool = False
    sparse_paths: Tuple[str, ...] = ()
    sparse_mode: str = "cone"
    skips_fetch_of_existing: bool = False
    timeout_s: int = 0
    checkout_flags: str = "-f"
    clone_flags: str = "-v"
    fetch_flags: str = "-v --prune"
    clone_mirror_flags: str = "-v"
    mirror_mode: str = "reference"
    clean_flags: str = "-ffxdq"
    ssh_key: str = ""
    commit_verification: str = ""
    submodule_clone_config: Tuple[str, ...] = ()
    mirrors_skip_update: bool = False

    def refreshed(self, environ: Mapping[str, str], complain: Callable[[str], None]) -> "Checkout":
        """Return these settings after a change of the environment. What is no longer set there has its default."""
        unset = {name: getattr(_DEFAULTS, name) for variable, name in REFRESHED.items() if variable not in environ}
        return replace(self, **unset, **_present(environ, _REFRESHED, complain))


def read(environ: Mapping[str, str], complain: Callable[[str], None]) -> Checkout:
    """Return the settings of a job that starts. Raises ConfigError for a mode that is none.

    A number or a truth value that is none is named to `complain` and left at its default.
    """
    found = Checkout(**_present(environ, {**_STARTING, **_REFRESHED}, complain))
    experiments = _list(environ.get("BUILDKITE_AGENT_EXPERIMENT", ""))
    phases = _list(environ.get("BUILDKITE_BOOTSTRAP_PHASES", ""))
    if found.sparse_mode and found.sparse_mode not in SPARSE_MODES:
        raise ConfigError(bad_sparse_mode(found.sparse_mode))
    if found.mirror_mode not in MIRROR_MODES:
        modes = " ".join(MIRROR_MODES)
        raise ConfigError(f'invalid git mirror checkout mode "{found.mirror_mode}", must be one of [{modes}]')
    is_v4 = Compat(environ.get(COMPAT.env[0], "")).checks_out_as_v4
    return replace(
        found,
        is_v4=is_v4,
        first_repository=found.repository,
        attempts=found.attempts if found.attempts > 0 else 6,
        resolves_commit=is_v4 or "resolve-commit-after-checkout" in experiments,
        runs_command=not phases or "command" in phases,
    )


def bad_sparse_mode(mode: str) -> str:
    """Return the sentence about a sparse mode that is none."""
    return f'invalid sparse checkout mode "{mode}", must be one of [{" ".join(SPARSE_MODES)}]'


def words(text: str, doing: str) -> List[str]:
    """Return the words of a variable. Raises JobFailed, its text starting with `doing`, where a quote is not closed."""
    try:
        return split(text)
    except ValueError as error:
        raise JobFailed(f"{doing}: {error}", 1) from None


def flags_of(option: str, text: str) -> List[str]:
    """Return the words of an option that holds flags. Raises JobFailed."""
    return words(text, f"splitting --{option} {go_quoted.quoted(text)}")


def boolean(text: str) -> bool:
    """Return the truth of a text as Go reads it. Raises ValueError."""
    if text in _TRUE or text in _FALSE:
        return text in _TRUE
    raise ValueError(f"{text!r} is neither true nor false")


def _list(text: str) -> Tuple[str, ...]:
    return tuple(word for word in (part.strip() for part in text.split(",")) if word)


_Table = Dict[str, Tuple[str, Callable[[str], object]]]
_STARTING: _Table = {
    "BUILDKITE_COMMIT": ("commit", str),
    "BUILDKITE_BRANCH": ("branch", str),
    "BUILDKITE_TAG": ("tag", str),
    "BUILDKITE_PULL_REQUEST": ("pull_request", str),
    "BUILDKITE_PULL_REQUEST_USING_MERGE_REFSPEC": ("uses_merge_refspec", boolean),
    "BUILDKITE_PULL_REQUEST_HEAD_COMMIT": ("pull_request_head", str),
    "BUILDKITE_PIPELINE_PROVIDER": ("provider", str),
    "BUILDKITE_PIPELINE_SLUG": ("pipeline", str),
    "BUILDKITE_GIT_MIRRORS_PATH": ("mirrors_path", str),
    "BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT": ("mirrors_lock_timeout_s", int),
    "BUILDKITE_SSH_KEYSCAN": ("scans_host_keys", boolean),
    "BUILDKITE_CHECKOUT_ATTEMPTS": ("attempts", int),
    "BUILDKITE_GIT_REMOTE_MIRROR_URL": ("remote_mirror", str),
}
_REFRESHED: _Table = {
    "BUILDKITE_REPO": ("repository", str),
    "BUILDKITE_REFSPEC": ("refspec", str),
    "BUILDKITE_GIT_SUBMODULES": ("submodules", boolean),
    "BUILDKITE_GIT_LFS_ENABLED": ("lfs", boolean),
    "BUILDKITE_CLEAN_CHECKOUT": ("clean_first", boolean),
    "BUILDKITE_SKIP_CHECKOUT": ("skip", boolean),
    "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS": ("sparse_paths", _list),
    "BUILDKITE_GIT_SPARSE_CHECKOUT_MODE": ("sparse_mode", str),
    "BUILDKITE_GIT_SKIP_FETCH_EXISTING_COMMITS": ("skips_fetch_of_existing", boolean),
    "BUILDKITE_GIT_CHECKOUT_TIMEOUT": ("timeout_s", int),
    "BUILDKITE_GIT_CHECKOUT_FLAGS": ("checkout_flags", str),
    "BUILDKITE_GIT_CLONE_FLAGS": ("clone_flags", str),
    "BUILDKITE_GIT_FETCH_FLAGS": ("fetch_flags", str),
    "BUILDKITE_GIT_CLONE_MIRROR_FLAGS": ("clone_mirror_flags", str),
    "BUILDKITE_GIT_MIRROR_CHECKOUT_MODE": ("mirror_mode", str),
    "BUILDKITE_GIT_CLEAN_FLAGS": ("clean_flags", str),
    "BUILDKITE_GIT_SSH_KEY": ("ssh_key", str),
    "BUILDKITE_GIT_COMMIT_VERIFICATION": ("commit_verification", str),
    "BUILDKITE_GIT_SUBMODULE_CLONE_CONFIG": ("submodule_clone_config", _list),
    "BUILDKITE_GIT_MIRRORS_SKIP_UPDATE": ("mirrors_skip_update", boolean),
}
# The variables whose new values the log shows when a hook changes them, and the settings that they are.
REFRESHED = {variable: name for variable, (name, _parse) in _REFRESHED.items()}
_DEFAULTS = Checkout()


def _present(environ: Mapping[str, str], table: "_Table", complain: Callable[[str], None]) -> Dict[str, Any]:
    values: Dict[str, Any] = {}
    for variable, (name, parse) in table.items():
        text = environ.get(variable)
        if text is None:
            continue
        try:
            values[name] = parse(text)
        except ValueError:
            wanted = "true or false" if parse is boolean else "a whole number"
            complain(f"{variable} is {text!r}, which is not {wanted}: ignored")
    return values
