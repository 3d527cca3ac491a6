"""The agent's own messages: on standard error as text, or on standard output as JSON lines.

The text form is the reference's: `2006-01-02 15:04:05 LEVEL  message`.
"""

from bkagent.config.options import logging
from bkagent.wire import shown_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, List, Mapping, Optional, TextIO

    from bkagent.config.settings import Settings

# The reference's order puts info above notice: the default level, notice, shows both.
RANK = {"debug": 0, "notice": 1, "info": 2, "warn": 3, "error": 4, "fatal": 5}
_COLOUR = {"debug": "\x1b[90m", "warn": "\x1b[33m", "error": "\x1b[31m", "fatal": "\x1b[31m"}
_RESET = "\x1b[0m"


class Log:
    """A `report(level, text, event)` for everything below `cli`. Safe to call from several threads.

    `doubts` are sentences about settings that it could not follow. Messages of level debug tell more than others:
    the values of secret variables and options are taken out of them.
    """

    __slots__ = ("_lowest", "_stream", "_json", "_coloured", "_settings", "_environ", "_scrub", "doubts")

    def __init__(self, settings: "Settings", err: "TextIO", out: "TextIO", environ: "Mapping[str, str]") -> None:
        self._json = logging.LOG_FORMAT in settings and settings[logging.LOG_FORMAT] == "json"
        self._stream = out if self._json else err
        self.doubts: "List[str]" = []
        self._lowest = _lowest_rank(settings, self.doubts)
        plain = (logging.NO_COLOR in settings and settings[logging.NO_COLOR]) or environ.get("NO_COLOR")
        self._coloured = not plain and not self._json and err.isatty()
        self._settings, self._environ = settings, environ
        self._scrub: "Optional[Callable[[str], str]]" = None

    @property
    def is_text(self) -> bool:
        """Whether messages are lines of text on standard error."""
        return not self._json

    @property
    def is_debug(self) -> bool:
        """Whether messages of level debug are shown."""
        return self._lowest == RANK["debug"]

    def __call__(self, level: str, text: str, event: str = "") -> None:
        """Write a message; `event` is its key of `wire.log_events`, which the JSON form shows."""
        if RANK.get(level, 2) < self._lowest:
            return
        if level == "debug":
            text = self._without_secrets(text)
        line = json_entry(level, text, {"event": event} if event else {}) if self._json else self._as_text(level, text)
        try:
            # One write a message, so that those of several threads do not mix.
            self._stream.write(line + "\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass

    def _without_secrets(self, text: str) -> str:
        if self._scrub is None:
            from bkagent.cli import known_secrets

            self._scrub = known_secrets.read(self._settings, self._environ).scrub
        return self._scrub(text)

    def _as_text(self, level: str, text: str) -> str:
        import time

        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        line = f"{stamp} {level.upper():<6} {shown_text.message(text)}"
        colour = _COLOUR.get(level, "") if self._coloured else ""
        return colour + line + _RESET if colour else line


def json_entry(level: str, text: str, fields: "Mapping[str, str]") -> str:
    """Return a message as a JSON object, in the reference's form, without a line feed."""
    import time

    from bkagent.wire import json_text, timestamps

    return json_text.dumps({"ts": timestamps.rfc3339(time.time_ns(), 0), "level": level.upper(), "msg": text, **fields})


def _lowest_rank(settings: "Settings", doubts: "List[str]") -> int:
    if logging.LOG_LEVEL not in settings:
        word = "notice"
    else:
        word = str(settings[logging.LOG_LEVEL]).lower()
        word = "warn" if word == "warning" else word
    if word not in RANK:
        invalid = settings.invalid_value(logging.LOG_LEVEL, "one of " + ", ".join(RANK), word)
        doubts.append(invalid + "; using notice")
    if logging.DEBUG in settings and settings[logging.DEBUG]:
        return RANK["debug"]
    return RANK.get(word, RANK["notice"])
