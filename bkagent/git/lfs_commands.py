"""Git LFS's commands: files are fetched and checked out separately, so that the checkout writes only pointers."""

from typing import List, Sequence


def probe() -> List[str]:
    """Fail where Git LFS is not installed."""
    return ["git", "lfs", "version"]


def install() -> List[str]:
    """Register the filter in this repository only."""
    return ["git", "lfs", "install", "--local"]


def fetch(include: Sequence[str] = ()) -> List[str]:
    """Fetch the files of the commit at hand, or those below the `include` paths."""
    return ["git", "lfs", "fetch", *(["--include=" + ",".join(include)] if include else [])]


def checkout(paths: Sequence[str] = ()) -> List[str]:
    """Replace pointers with fetched files: all, or those given, whose names are never read as options."""
    return ["git", "lfs", "checkout", *("./" + path if path.startswith("-") else path for path in paths)]


def names() -> List[str]:
    """Print the names of LFS files, one a line."""
    return ["git", "lfs", "ls-files", "-n"]
