"""How much environment a process can be given.

left_out(env) -> List[str]   the names of the variables without which `env` is small enough: those that are too long
                             for the system one by one, and, where all together are too much, the longest of the others.
                             BUILDKITE_ variables go last. In order of name

Source of the limits: execve(2), "Limits on size of arguments and environment"; SetEnvironmentVariable of Windows.
"""

import os
import sys
from typing import Dict, List, Mapping

if sys.platform == "win32":
    _LONGEST_BYTES, _TOTAL_BYTES = 32_767, sys.maxsize
elif sys.platform == "linux":
    _LONGEST_BYTES = 32 * os.sysconf("SC_PAGESIZE")
    # A quarter of the limit on the stack, and whatever that is, three quarters of the usual one.
    _TOTAL_BYTES = min(os.sysconf("SC_ARG_MAX"), 6 * 1024 * 1024)
else:
    _TOTAL_BYTES = _LONGEST_BYTES = os.sysconf("SC_ARG_MAX")
_POINTER_BYTES = 8
_FOR_ARGUMENTS_BYTES = 256 * 1024  # and for what a script exports before it starts its own children
_SURELY_FITS_LETTERS = 16 * 1024  # of at most four bytes each


def left_out(env: Mapping[str, str]) -> List[str]:
    """See above."""
    if sum(map(len, env.values())) + sum(map(len, env)) < _SURELY_FITS_LETTERS:
        return []
    sizes = {name: _size_bytes(name, value) for name, value in env.items()}
    omitted = {name for name, size in sizes.items() if size > _LONGEST_BYTES}
    over = sum(size + _POINTER_BYTES for name, size in sizes.items() if name not in omitted) - _room_bytes()
    if over > 0:
        omitted |= _longest(sizes, omitted, over)
    return sorted(omitted)


def _room_bytes() -> int:
    return max(_TOTAL_BYTES - _FOR_ARGUMENTS_BYTES, _TOTAL_BYTES // 2)


def _longest(sizes: Dict[str, int], already_omitted: "set[str]", over: int) -> "set[str]":
    omitted = set()
    order = sorted(sizes, key=lambda name: (name.startswith("BUILDKITE"), -sizes[name], name))
    for name in order:
        if over <= 0:
            break
        if name not in already_omitted:
            omitted.add(name)
            over -= sizes[name] + _POINTER_BYTES
    return omitted


def _size_bytes(name: str, value: str) -> int:
    """Return the bytes of `NAME=value` with the NUL behind it."""
    if sys.platform == "win32":
        return len(value) + 1
    return len(os.fsencode(name)) + len(os.fsencode(value)) + 2
