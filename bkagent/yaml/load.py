"""Text to plain values: `load` for one document, `load_all` and `documents` for a stream of them.

Values are None, bool, int, float, str, `timestamp.Timestamp`, list, and dict with texts as keys in document order.
"""

from __future__ import annotations

from typing import Any, Iterator, List, Union

from bkagent.yaml import tokens as t
from bkagent.yaml.composer import Composer
from bkagent.yaml.errors import YamlError
from bkagent.yaml.scanner import Scanner
from bkagent.yaml.text import Text
from bkagent.yaml.tokens import Token


def documents(content: Union[str, bytes], source: str = "") -> Iterator[Any]:
    """Yield the value of each document, reading no further than asked; nothing for a text without any.

    Raises YamlError with line and column when it comes to what is wrong. `source` names the text in messages.
    """
    text = Text(content, source)
    scanner = Scanner(text)
    explicit = False  # whether a "---" has announced the document that comes
    while True:
        tokens = scanner.take_document()
        content_first = tokens[0].kind not in (t.DIRECTIVE, t.DOCUMENT_START, t.STREAM_END)
        if explicit or content_first:
            yield Composer(text, tokens).document()
        _check_rest(text, tokens)
        if tokens[-1].kind == t.STREAM_END:
            return
        explicit = True


def load_all(content: Union[str, bytes], source: str = "") -> List[Any]:
    """Return the values of all documents. Raises YamlError with line and column."""
    return list(documents(content, source))


def load(content: Union[str, bytes], source: str = "") -> Any:
    """Return the value of a text with one document, None for an empty one. Raises YamlError."""
    found = load_all(content, source)
    if len(found) > 1:
        raise YamlError(1, 1, f"expected one document, found {len(found)}", source)
    return found[0] if found else None


def _check_rest(text: Text, tokens: List[Token]) -> None:
    """Refuse text between the end of a document ("...") or a directive and the next "---"."""
    ended = False
    for token in tokens[:-1]:
        if token.kind in (t.DOCUMENT_END, t.DIRECTIVE):
            ended = True
        elif ended:
            text.wrong(token.at, "expected --- for another document, found more text behind the end of one")
    if len(tokens) > 1 and tokens[-2].kind == t.DIRECTIVE and tokens[-1].kind == t.STREAM_END:
        text.wrong(tokens[-1].at, "expected --- behind the directive, found the end of the text")
