"""Names and messages from others, made safe for terminals and logs. On the short path.

Escapes are spelled as Go and Python spell them: \\n, \\x1b, \\u202e.
"""

from bkagent.wire import go_quoted

_JOINERS = "\u200c\u200d"  # within emoji, and between letters of some scripts
_LINE_ENDS = "\x1c\x1d\x1e\x1f\x85\u2028\u2029"
_CONTINUED = "  "  # begins each further line of a message, so that none is taken for a message of its own


def one_line(text: str) -> str:
    """Return a name with its control characters escaped, tabs and ends of lines included."""
    return text if text.isprintable() else _escape(text, "")


def message(text: str) -> str:
    """Return a message that may have several lines: those after the first are indented, and the rest is escaped."""
    if text.isprintable():
        return text
    first, *following = text.split("\n")
    lines = [first, *(line if line.startswith(" ") or not line else _CONTINUED + line for line in following)]
    return "\n".join(_escape(line, "\t") for line in lines)


def _escape(text: str, unescaped: str) -> str:
    return "".join(letter if _is_harmless(letter) or letter in unescaped else go_quoted.body(letter) for letter in text)


def _is_harmless(letter: str) -> bool:
    is_blank = letter.isspace() and letter >= " " and letter not in _LINE_ENDS
    return letter.isprintable() or is_blank or letter in _JOINERS
