"""Names of commits and branches: which texts may be passed to git."""

# Control characters and the characters with a meaning in revision syntax. `?`, `*` and `[` pass, as in the reference.
_REFUSED = frozenset(" ~^:\\\x7f") | {chr(code) for code in range(32)}


def is_well_formed(reference: str) -> bool:
    """Return whether `reference` may be checked out: it cannot be read as an option, a range or a file of a commit."""
    return not (
        reference == "@"
        or reference.startswith("-")
        or reference.endswith(".")
        or ".." in reference
        or any(character in _REFUSED for character in reference)
    )


def is_branch_name(name: str) -> bool:
    """Return whether `refs/heads/` and `name` are one branch for git, not a pattern or two ends of a refspec."""
    return bool(name) and not (
        ".." in name or "@{" in name or "//" in name or name.endswith((".", "/", ".lock"))
        or any(character in _REFUSED or character in "?*[" for character in name)
    )  # fmt: skip


def is_full_object_id(commit: str) -> bool:
    """Return whether `commit` is a full SHA-1 or SHA-256 in hexadecimal."""
    return len(commit) in (40, 64) and all(character in "0123456789abcdefABCDEF" for character in commit)
