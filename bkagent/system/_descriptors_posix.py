"""The soft limit of open files, which counts connections as well."""

import resource
import sys

assert sys.platform != "win32"


def descriptors_count() -> int:
    """Return how many may be open."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft
