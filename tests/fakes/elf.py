"""Programs that do nothing: the headers of an ELF file, with an interpreter or without."""

from __future__ import annotations

import struct
from pathlib import Path


def write(path: Path, *, interpreter: bool, bits: int = 64, order: str = "<") -> Path:
    """Write one, executable; return its path."""
    word = "Q" if bits == 64 else "I"
    identity = b"\x7fELF" + bytes((bits // 32, 1 if order == "<" else 2, 1)) + bytes(9)
    head_bytes, row_bytes = (64, 56) if bits == 64 else (52, 32)
    types = (1, 3) if interpreter else (1, 2)
    head = struct.pack(
        f"{order}HHI3{word}I6H", 2, 62, 1, 0, head_bytes, 0, 0, head_bytes, row_bytes, len(types), 0, 0, 0
    )
    rows = b"".join(struct.pack(order + "I", kind).ljust(row_bytes, b"\0") for kind in types)
    path.write_bytes(identity + head + rows)
    path.chmod(0o755)
    return path
