"""The soft limit of open files, which counts connections as well."""

import resource
import sys

assert sys.platform != "win32"


def descriptors_count() -> int:
    """Return how many may be open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


def selectable_count() -> int:
    """Return that there is no limit but that of what may be open: epoll, kqueue and poll have none."""
    return sys.maxsize


def raise_limit(count: int) -> None:
    """Raise the soft limit to `count`, as far as the hard one allows. A child inherits it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        pass  # a limit of the system's own (macOS: kern.maxfilesperproc), or a sandbox
