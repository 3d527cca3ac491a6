"""Text that in-job commands read and print, as bytes of UTF-8 whatever the locale. On the short path."""

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call


def sendable(text: str) -> str:
    """Return an argument or a variable as JSON can carry it: bytes that are not UTF-8 become replacement characters."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def read_stdin(call: "Call") -> str:
    """Return all of standard input as it is, line ends included."""
    buffer = getattr(call.stdin, "buffer", None)
    if buffer is None:
        return call.stdin.read()
    content: bytes = buffer.read()
    return content.decode("utf-8", "replace")


def stdin_has_text(call: "Call") -> bool:
    """Return whether standard input is a pipe or a file; a terminal is not read."""
    try:
        mode = os.fstat(call.stdin.fileno()).st_mode
    except (OSError, ValueError, AttributeError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode)


def write(call: "Call", text: str) -> None:
    """Print `text` and nothing else."""
    buffer = getattr(call.out, "buffer", None)
    if buffer is None:
        call.out.write(text)
        return
    call.out.flush()
    buffer.write(text.encode("utf-8", "surrogateescape"))
    buffer.flush()


def write_bytes(call: "Call", content: bytes) -> None:
    """Print bytes as they are."""
    buffer = getattr(call.out, "buffer", None)
    if buffer is None:
        call.out.write(content.decode("utf-8", "replace"))
        return
    call.out.flush()
    buffer.write(content)
    buffer.flush()


def as_json(document: object, pretty: bool = False) -> str:
    """Return JSON for people: letters of any language as they are; keys sorted when pretty or not, by the caller."""
    from bkagent.wire import json_text

    if not pretty:
        text = json_text.dumps(document)
        if "\\u" not in text:
            return text
    import json

    return json.dumps(
        document, ensure_ascii=False, indent=2 if pretty else None, separators=(",", ": " if pretty else ":")
    )
