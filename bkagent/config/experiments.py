"""Names of features that --experiment switches on: those that exist, those that are always on, those unknown.

Source: buildkite-agent 3.137.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence

KNOWN = (
    "agent-api", "allow-artifact-path-traversal", "descending-spawn-priority", "interpolation-prefers-runtime-env",
    "normalised-upload-paths", "override-zero-exit-on-cancel", "propagate-agent-config-vars", "pty-raw",
    "resolve-commit-after-checkout", "zip-plugins",
)  # fmt: skip

# Name -> the reference's version from which on it works without being asked for.
PROMOTED = {
    "ansi-timestamps": "3.48.0", "avoid-recursive-trap": "3.66.0", "flock-file-locks": "3.48.0",
    "git-mirrors": "3.47.0", "inbuilt-status-page": "3.48.0", "isolated-plugin-checkout": "3.67.0",
    "job-api": "3.64.0", "polyglot-hooks": "3.85.0", "use-zzglob": "3.104.0",
}  # fmt: skip

REPLACED = {"kubernetes-exec": "--kubernetes-exec"}


def working(names: "Sequence[str]", compat: str) -> "List[str]":
    """Return the names that change what this agent does."""
    from bkagent.config.compat import LEGACY_ORDER

    with_compat = (LEGACY_ORDER,) if compat == "4" else ()
    return [name for name in names if name in (*KNOWN, *with_compat)]


def notes(names: "Sequence[str]") -> "List[str]":
    """Return a sentence for each name that switches nothing on."""
    return [note for note in map(_note, names) if note]


def _note(name: str) -> str:
    if name in KNOWN:
        return ""
    if name in PROMOTED:
        return f'the experiment "{name}" is always on, as in the reference since {PROMOTED[name]}; remove it'
    if name in REPLACED:
        return f'the experiment "{name}" was replaced by the flag {REPLACED[name]}'
    from bkagent.config.suggest import closest

    near = closest(name, list(KNOWN))
    return f'unknown experiment "{name}"' + (f'; did you mean "{near}"?' if near else "")
