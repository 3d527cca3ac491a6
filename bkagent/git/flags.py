"""Read git's command line: flags that a user gave, in any spelling that git accepts."""

from typing import Iterable, List, Sequence, Set, Tuple

# Long options of `git fetch` that would keep commit verification from fetching the branch it needs whole.
# The second value says whether the option takes a value, which may be the next word.
_AGAINST_VERIFICATION: Tuple[Tuple[str, bool], ...] = (
    ("dry-run", False),
    ("prefetch", False),
    ("negotiate-only", False),
    ("depth", True),
    ("deepen", True),
    ("shallow-since", True),
    ("shallow-exclude", True),
    ("unshallow", False),
)
# The long options of `git fetch`: a prefix is one of them only when it fits no other.
_FETCH_OPTIONS = frozenset(
    (
        "verbose",
        "quiet",
        "all",
        "set-upstream",
        "append",
        "atomic",
        "upload-pack",
        "force",
        "multiple",
        "tags",
        "jobs",
        "prefetch",
        "prune",
        "prune-tags",
        "recurse-submodules",
        "dry-run",
        "write-fetch-head",
        "keep",
        "update-head-ok",
        "progress",
        "depth",
        "shallow-since",
        "shallow-exclude",
        "deepen",
        "unshallow",
        "refetch",
        "update-shallow",
        "refmap",
        "server-option",
        "ipv4",
        "ipv6",
        "negotiation-tip",
        "negotiate-only",
        "filter",
        "auto-maintenance",
        "auto-gc",
        "show-forced-updates",
        "write-commit-graph",
        "stdin",
        "porcelain",
        "submodule-prefix",
        "recurse-submodules-default",
    )
)


def has_filter(flags: Sequence[str]) -> bool:
    """Return whether the words ask for a partial clone already.

    git takes any prefix of `--filter` that fits no other option; the shortest is `--fi`. Without `=` the value is
    the next word, so that a last word alone is not a filter.
    """
    for at, word in enumerate(flags):
        name, has_value, _value = word.partition("=")
        if len(name) >= 4 and name.startswith("--fi") and (has_value or at + 1 < len(flags)):
            return True
    return False


def clone_settings(flags: Sequence[str]) -> Set[Tuple[str, str]]:
    """Return the settings, as (name, value), that `git clone` with these words writes into the new repository.

    The name is as git lists it: section and key in lower case. Without `=` the value is `true`.
    """
    settings: Set[Tuple[str, str]] = set()
    words = iter(flags)
    for word in words:
        option, has_value, value = word.partition("=")
        if word == "-c" or (option.startswith("--c") and "--config".startswith(option)):
            text = value if has_value else next(words, "")
        elif word.startswith("-c"):
            text = word[2:]
        else:
            continue
        name, has_value, value = text.partition("=")
        section, _, key = name.rpartition(".")
        first, dot, rest = section.partition(".")
        if first:
            settings.add((f"{first.lower()}{dot}{rest}.{key.lower()}", value if has_value else "true"))
    return settings


def for_verification(flags: Sequence[str]) -> List[str]:
    """Return fetch flags without those that limit or suppress what is fetched."""
    kept: List[str] = []
    words = iter(flags)
    for word in words:
        name, has_value, _value = word.partition("=")
        matched = _takes_value(name)
        if matched is None:
            kept.append(word)
        elif matched and not has_value:
            next(words, None)
    return kept


def _takes_value(name: str) -> "bool | None":
    """Return None for a word that stays, else whether its option takes a value."""
    if not name.startswith("--") or len(name) < 3:
        return None
    for option, takes_value in _AGAINST_VERIFICATION:
        if option in _expansions(name[2:]):
            return takes_value
    return None


def _expansions(prefix: str) -> Set[str]:
    if prefix in _FETCH_OPTIONS:
        return {prefix}
    matches = _starting_with(prefix, _FETCH_OPTIONS)
    return matches if len(matches) == 1 else set()


def _starting_with(prefix: str, names: Iterable[str]) -> Set[str]:
    return {name for name in names if name.startswith(prefix)}
