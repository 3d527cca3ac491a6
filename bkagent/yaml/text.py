"""The text of a YAML stream: decoded, its line ends made one, and where in it an error is."""

from __future__ import annotations

import codecs
import re
from typing import NoReturn, Union

from bkagent.yaml.errors import YamlError

# Stands after the last character, so that looking at text[at] needs no bounds check. No legal text has it.
END = "\0"
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_BOM = "\ufeff"
_UTF16 = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


class Text:
    """A stream of characters that ends with END. `source` names it in messages, "" for no name."""

    def __init__(self, content: Union[str, bytes], source: str = "") -> None:
        self.source = source
        self.characters = ""
        text = content if isinstance(content, str) else self._decoded(content)
        if text.startswith(_BOM):
            text = text[1:]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.characters = text + END
        illegal = _ILLEGAL.search(text)
        if illegal:
            self.wrong(illegal.start(), f"expected text, found the control character U+{ord(illegal.group()):04X}")

    def wrong(self, at: int, expected: str) -> NoReturn:
        """Raise the error for what stands at this place."""
        before = self.characters.count("\n", 0, at)
        column = at - (self.characters.rfind("\n", 0, at) + 1) + 1
        raise YamlError(before + 1, column, expected, self.source)

    def found(self, at: int) -> str:
        """Return words for the character at this place."""
        letter = self.characters[at]
        if letter == END:
            return "the end of the text"
        return {"\n": "the end of the line", "\t": "a tab", " ": "a space"}.get(letter, f'"{letter}"')

    def _decoded(self, content: bytes) -> str:
        encoding = next((name for mark, name in _UTF16 if content.startswith(mark)), "utf-8")
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            before = content[: error.start]
            line = before.count(b"\n") + 1
            column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
            expected = f"expected text in {encoding.upper()}, found invalid bytes"
            raise YamlError(line, column, expected, self.source) from None
