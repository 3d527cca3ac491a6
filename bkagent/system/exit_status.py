"""Exit statuses, of which Windows keeps 32 bits and POSIX eight.

visible(code) -> int   what others see of a process that ends with `code`, negative ones included
signed(status) -> int  the same 32 bits as the signed number that Python takes to end a process with
"""

from bkagent.system.system_kind import ON_WINDOWS

_VISIBLE_BITS = 0xFFFFFFFF if ON_WINDOWS else 0xFF


def visible(code: int) -> int:
    """See above."""
    return code & _VISIBLE_BITS


def signed(status: int) -> int:
    """See above."""
    return status - (1 << 32) if status > 0x7FFFFFFF else status
