"""Whether a program runs everywhere that its kernel does, as one in a container with other libraries.

is_static(path)     whether the file is an ELF program that names no interpreter, which would load its libraries; raises
                    OSError
is_dynamic(path)    whether it is one that names an interpreter; raises OSError
"""

import struct

_MAGIC = b"\x7fELF"
_INTERPRETER = 3  # PT_INTERP: a segment of this type names what loads the program. Source: elf(5)
_HEADERS_BYTES = 64 * 1024  # far more than the headers of any program take


def is_static(path: str) -> bool:
    """See above."""
    return _names_interpreter(path) is False


def is_dynamic(path: str) -> bool:
    """See above."""
    return _names_interpreter(path) is True


def _names_interpreter(path: str) -> "bool | None":
    """Return None for what is no ELF program."""
    with open(path, "rb") as file:
        headers = file.read(_HEADERS_BYTES)
    if len(headers) < 64 or not headers.startswith(_MAGIC) or headers[4] not in (1, 2) or headers[5] not in (1, 2):
        return None
    order, is_64_bit = "<>"[headers[5] - 1], headers[4] == 2
    (table,) = struct.unpack_from(order + ("Q" if is_64_bit else "I"), headers, 32 if is_64_bit else 28)
    size, count = struct.unpack_from(order + "HH", headers, 54 if is_64_bit else 42)
    if not count or table + size * count > len(headers):
        return None
    types = [struct.unpack_from(order + "I", headers, table + size * at)[0] for at in range(count)]
    return _INTERPRETER in types
