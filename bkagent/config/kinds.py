"""The kinds of value that an option can hold, and how each is read from a flag, a variable or the file.

Every reader raises ValueError with words that finish the sentence "... must be ...".
Source of the accepted spellings: the conventions of buildkite-agent 3.137's command line.
"""

from bkagent.config.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple


class ValueKind:
    """A kind of value.

    takes_value     false for flags that mean true by being there
    repeats         whether each use of the flag adds to the value
    unread_in_file  the value that the reference silently uses for an invalid text of the file;
                    None where it ends with an error
    words           those that mean something, where not every text does
    """

    __slots__ = ("name",)
    takes_value = True
    repeats = False
    words: "Tuple[str, ...]" = ()
    unread_in_file: object = None
    has_syntax = True  # what cannot be read is answered with the command's page, as a wrong command line is

    def __init__(self, name: str) -> None:
        self.name = name

    def from_flag(self, text: str) -> object:
        """Return the value of one occurrence of the flag."""
        raise NotImplementedError

    def from_environment(self, text: str) -> object:
        """Return the value of a variable that exists; it may be empty."""
        return self.from_flag(text)

    def from_file(self, text: str) -> object:
        """Return the value of a key of the configuration file."""
        return self.from_environment(text)

    def from_hook(self, text: str) -> object:
        """Return the value of a variable of a running job, which a hook may have set, in the form settings hold.

        Words that are unknown pass: what uses them says what is wrong. Raises ValueError as the others do.
        """
        return text

    def finish(self, value: object) -> object:
        """Return the value in the form that settings hold, whatever the source."""
        return value


class _Text(ValueKind):
    __slots__ = ()

    def from_flag(self, text: str) -> object:
        return text


class _SecretText(_Text):
    """Text that settings hold as a `Secret`."""

    __slots__ = ()

    def finish(self, value: object) -> object:
        return Secret(str(value))


class _Flag(ValueKind):
    __slots__ = ()
    takes_value = False
    unread_in_file: object = False
    TRUE = ("1", "t", "T", "TRUE", "true", "True")
    FALSE = ("0", "f", "F", "FALSE", "false", "False")

    def from_flag(self, text: str) -> object:
        if text in self.TRUE:
            return True
        if text in self.FALSE:
            return False
        raise ValueError("true or false")

    def from_environment(self, text: str) -> object:
        return self.from_flag(text) if text else False

    def from_hook(self, text: str) -> object:
        return self.from_flag(text)


class _CheckedFlag(_Flag):
    """A flag that must be right in the file as well: one that protects may not be off because of a misspelt word."""

    __slots__ = ()
    unread_in_file: object = None


class _Whole(ValueKind):
    """A whole number of 64 bits, in a flag or a variable as Go writes it: `0x1f`, `0o17`, `017`, `0b11`, `1_000`."""

    __slots__ = ()
    unread_in_file: object = 0

    def from_flag(self, text: str) -> object:
        digits = text[1:] if text[:1] in ("+", "-") else text
        if digits[:1] == "0" and digits[1:2].isdigit():
            digits = "0o" + digits[1:]
        return _number(text, digits, 0, "a whole number")

    def from_file(self, text: str) -> object:
        digits = text[1:] if text[:1] in ("+", "-") else text
        legal = "a whole number in decimal digits"
        if not digits.isdigit():
            raise ValueError(legal)
        return _number(text, digits, 10, legal)

    def from_hook(self, text: str) -> object:
        try:
            return int(text)
        except ValueError:
            raise ValueError("a whole number") from None


def _number(text: str, digits: str, base: int, legal: str) -> int:
    """Return the number of `digits` with the sign of `text`. Raises ValueError(legal)."""
    try:
        if not digits.isascii() or not digits[:1].isdigit() or digits != digits.strip():
            raise ValueError
        number = int(digits, base)
    except ValueError:
        raise ValueError(legal) from None
    if number >= 1 << 63:
        raise ValueError(legal + " of at most 64 bits")
    return -number if text[0] == "-" else number


class _Duration(ValueKind):
    """Go's durations (`90s`, `1h30m`, `1.5s`); the value is seconds."""

    __slots__ = ()
    unread_in_file: object = 0.0
    LONGEST_S = float((1 << 63) // 10**9)  # Go counts nanoseconds in 64 bits
    UNITS_S = {"ns": 1e-9, "us": 1e-6, "\u00b5s": 1e-6, "\u03bcs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}

    def from_flag(self, text: str) -> object:
        sign = -1.0 if text.startswith("-") else 1.0
        rest = text[1:] if text[:1] in ("+", "-") else text
        if rest == "0":
            return 0.0
        total_s, at = 0.0, 0
        while at < len(rest):
            number_end = _run(rest, at, "0123456789.")
            unit_end = number_end
            while unit_end < len(rest) and rest[unit_end] not in "0123456789.":
                unit_end += 1
            unit_s = self.UNITS_S.get(rest[number_end:unit_end])
            try:
                number = float(rest[at:number_end])
            except ValueError:
                unit_s = None
            if unit_s is None:
                raise ValueError("a duration such as 90s or 5m")
            total_s, at = total_s + number * unit_s, unit_end
        if not rest:
            raise ValueError("a duration such as 90s or 5m")
        if total_s > self.LONGEST_S:
            raise ValueError("a duration of less than 292 years")
        return sign * total_s


class _CheckedDuration(_Duration):
    """A duration that must be right in the file as well; there it may also be empty, which is 0."""

    __slots__ = ()
    unread_in_file: object = None

    def from_file(self, text: str) -> object:
        return self.from_flag(text) if text else 0.0


def duration_text(seconds: float) -> str:
    """Return a duration as a user writes it: in the largest unit of which it has whole ones."""
    for unit, unit_s in (("h", 3600), ("m", 60), ("s", 1)):
        if seconds and seconds % unit_s == 0:
            return f"{int(seconds // unit_s)}{unit}"
    return f"{seconds:.9f}".rstrip("0").rstrip(".") + "s"


def _run(text: str, at: int, letters: str) -> int:
    while at < len(text) and text[at] in letters:
        at += 1
    return at


class _Items(ValueKind):
    """A list; each flag adds one item, kept whole; a variable or a key of the file is split at commas."""

    __slots__ = ()
    repeats = True

    def from_flag(self, text: str) -> object:
        return [text]

    def from_environment(self, text: str) -> object:
        return [item.strip() for item in text.split(",")]

    def from_file(self, text: str) -> object:
        return text.split(",")

    def from_hook(self, text: str) -> object:
        return tuple(item for item in map(str.strip, text.split(",")) if item)


class _List(_Items):
    """A list whose every item is split at commas, trimmed, and dropped when empty."""

    __slots__ = ()

    def finish(self, value: object) -> object:
        assert isinstance(value, list)
        return [part.strip() for item in value for part in item.split(",") if part.strip()]


class _NamePatterns(_List):
    """Names of variables, `*` for any characters. A regular expression is refused, since it would fit no name."""

    __slots__ = ()

    def from_flag(self, text: str) -> object:
        for part in text.split(","):
            name = part.strip()
            is_plain = all(letter.isalnum() or letter in "_*%()-" for letter in name)
            if not is_plain or (name and not name.strip("*")):
                raise ValueError("names of variables such as GIT_SSH_COMMAND or LD_*, not regular expressions")
        return [text]

    def from_environment(self, text: str) -> object:
        return self.from_flag(text)

    def from_file(self, text: str) -> object:
        return self.from_flag(text)


class Choice(ValueKind):
    """One word out of `words`; the empty text is allowed where it is among them."""

    __slots__ = ("words",)
    has_syntax = False

    def __init__(self, *words: str) -> None:
        super().__init__("choice")
        self.words = words

    def from_flag(self, text: str) -> object:
        if text in self.words:
            return text
        raise ValueError("one of " + ", ".join(word or '""' for word in self.words))


class Suggested(_Text):
    """Any text, though only `words` are valid: the command that uses the value checks it and reports an invalid one."""

    __slots__ = ("words",)

    def __init__(self, *words: str) -> None:
        super().__init__("word")
        self.words = words


TEXT = _Text("text")
SECRET = _SecretText("secret")
FILE_PATH = _Text("path")
COMMAND_PATH = _Text("command path")
FLAG = _Flag("flag")
CHECKED_FLAG = _CheckedFlag("flag")
WHOLE = _Whole("number")
DURATION = _Duration("duration")
CHECKED_DURATION = _CheckedDuration("duration")
ITEMS = _Items("items")
LIST = _List("list")
NAME_PATTERNS = _NamePatterns("list")
