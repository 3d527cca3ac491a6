"""How a command is shown in the job log."""

from __future__ import annotations

from typing import Sequence

from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire import go_quoted

_SHOWN_BYTES = 120  # an argument of just as many is followed by "..." too; source: process/format.go
SIGN = ">" if ON_WINDOWS else "$"


def command_line(argv: Sequence[str]) -> str:
    """Return the words of a command; arguments with a space or line feed are quoted, and cut when they are long."""
    return " ".join([*argv[:1], *map(_argument, argv[1:])])


def hidden_command_line(argv: Sequence[str]) -> str:
    """Return the words of a command that only a debug log shows; no URL among them shows its password."""
    from bkagent.redaction.url_password import masked  # loads regular expressions

    return command_line([masked(word) if "://" in word and "@" in word else word for word in argv])


def _argument(text: str) -> str:
    if " " not in text and "\n" not in text:
        return text
    data = text.encode("utf-8", "surrogateescape")
    if len(data) >= _SHOWN_BYTES:
        text = data[: _printable(data)].decode("utf-8", "surrogateescape") + "..."
    return go_quoted.go_quote(text)


def _printable(data: bytes) -> int:
    """Return how much is shown of an argument of that length or more: one byte more where a letter would be split."""
    try:
        data[:_SHOWN_BYTES].decode("utf-8")
    except UnicodeDecodeError:
        return _SHOWN_BYTES + 1
    return _SHOWN_BYTES
