"""Git LFS's commands: large files come in two steps, so that the checkout itself moves only pointers."""

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
    """Put fetched files in the place of their pointers: all, or those given, no name of which is read as an option."""
    return ["git", "lfs", "checkout", *("./" + path if path.startswith("-") else path for path in paths)]


def names() -> List[str]:
    """Print the names of the files that LFS holds, one a line."""
    return ["git", "lfs", "ls-files", "-n"]
