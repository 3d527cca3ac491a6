"""The kind of a hook's file: a program, a script of another language, or a shell script to be sourced."""

import enum
import re
from typing import List

from bkagent.named_tuple import NamedTuple
from bkagent.shell.words import split

# ELF; Mach-O of either word size and byte order, and its fat archives.
_PROGRAMS = (
    b"\x7fELF",
    b"\xca\xfe\xba\xbe",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
)
SHELLS = frozenset(("bash", "dash", "ksh", "sh", "zsh"))
# No kernel reads a longer first line.
_LONGEST_SHEBANG_BYTES = 4096


class HookKind(enum.Enum):
    """How a hook is run: a shell hook is sourced, the others are started."""

    SHELL = "shell"
    SCRIPT = "script"
    BINARY = "binary"


class Nature(NamedTuple):
    """The kind of a hook, by its first bytes. `shebang` is its first line with `#!`, or ""."""

    kind: HookKind
    shebang: str

    @property
    def interpreter(self) -> str:
        """The program that the shebang names, or ""."""
        words = _words(self.shebang)
        return words[0] if words else ""


def read_kind(path: str) -> Nature:
    """Return what the file at `path` is. Raises OSError."""
    with open(path, "rb") as file:
        head = file.read(_LONGEST_SHEBANG_BYTES)
    if len(head) >= 4 and (head[:4] in _PROGRAMS or head[:2] == b"MZ"):
        return Nature(HookKind.BINARY, "")
    if not head.startswith(b"#!"):
        return Nature(HookKind.SHELL, "")
    line = head.split(b"\n", 1)[0].rstrip(b"\r").decode("utf-8", "surrogateescape")
    return Nature(HookKind.SHELL if _is_shell(line) else HookKind.SCRIPT, line)


def _is_shell(shebang: str) -> bool:
    """Say whether the interpreter, or the word right after `env`, is a shell: `env -S bash` is not seen as one."""
    words = _words(shebang)
    names = [_basename(word) for word in words[:2]]
    if names[:1] == ["env"]:
        names = names[1:]
    return bool(names) and names[0] in SHELLS


def _words(shebang: str) -> List[str]:
    try:
        return split(shebang[2:])
    except ValueError:
        return shebang[2:].split()


def _basename(word: str) -> str:
    return re.split(r"[/\\]", word)[-1]
