"""Memory that is given back and taken again all the time, by work that goes block by block.

keep(size_bytes) -> None   have the C library keep about this much freed memory, in each of its heaps, for next time

glibc gives back to the system what is free at the end of a heap, from 128 KiB on, and then takes a fault for each page
of it with every block. It keeps twice the size of the largest block that was a mapping of its own and is freed:
mallopt(3), M_MMAP_THRESHOLD. With other libraries this does nothing.
"""

_kept_bytes = 0


def keep(size_bytes: int) -> None:
    """See above. Once is enough: the next block of that size would come from a heap, and be filled with zeros."""
    global _kept_bytes
    if size_bytes > _kept_bytes:
        _kept_bytes = size_bytes
        bytes(size_bytes // 2)
