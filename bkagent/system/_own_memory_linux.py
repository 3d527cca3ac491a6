"""Overwrite the start of this process, on Linux.

The kernel shows /proc/PID/cmdline and /proc/PID/environ from the process's own memory, at addresses that
/proc/self/stat gives; the process may write there.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Sequence

# Fields of /proc/self/stat after the program's name, which is the second: proc(5) counts from 1.
_FIRST_FIELD = 3
_ARG_START, _ARG_END, _ENV_START, _ENV_END = 48, 49, 50, 51


def forget(secret: str) -> bool:
    """Put `x` over every place of the text; say whether it is gone."""
    needle = secret.encode("utf-8", "surrogateescape")
    try:
        spans = _spans()
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            for start, end in spans:
                memory.seek(start)
                held = memory.read(end - start)
                at = held.find(needle)
                while at >= 0:
                    memory.seek(start + at)
                    memory.write(b"x" * len(needle))
                    at = held.find(needle, at + 1)
    except (OSError, ValueError, IndexError):
        return False
    return True


def show_arguments(words: "Sequence[str]") -> None:
    """Put the words in place of the arguments, as far as there is room for them."""
    shown = b"".join(word.encode("utf-8", "surrogateescape") + b"\0" for word in words)
    try:
        start, end = _spans()[0]
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            memory.seek(start)
            memory.write(shown[: end - start - 1].ljust(end - start, b"\0"))
    except (OSError, ValueError, IndexError):
        pass  # they stay as they were


def _spans() -> "list[tuple[int, int]]":
    with open("/proc/self/stat", "rb") as file:
        fields = [int(field) for field in file.read().rpartition(b")")[2].split()[1:]]

    def field(number: int) -> int:
        return fields[number - _FIRST_FIELD - 1]

    return [(field(_ARG_START), field(_ARG_END)), (field(_ENV_START), field(_ENV_END))]
