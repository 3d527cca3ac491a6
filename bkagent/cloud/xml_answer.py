"""XML that a server sent: read with limits, without entities and document types, and without its namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.parsers import expat

from bkagent.errors import WireError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LONGEST_BYTES = 8 * 1024 * 1024  # a list of 1,000 objects whose keys have 1,024 bytes, escaped, has 4 MiB
_DEEPEST = 50


def parse(text: bytes, what: str) -> Element:
    """Return the outermost element. Raises WireError that begins with `what` ("the answer of Amazon S3")."""
    if len(text) > LONGEST_BYTES:
        raise WireError(f"{what} has {len(text)} bytes, more than {LONGEST_BYTES}")
    if text.lstrip()[:15].lower().startswith((b"<!doctype", b"<html")):
        raise WireError(
            f"{what} is an HTML page, not the XML that was expected; is a proxy or a login page in between?"
        )
    try:
        return _Reader().read(text)
    except expat.ExpatError as problem:
        raise WireError(f"{what} is not valid XML, or incomplete: {problem}") from None
    except ValueError as problem:
        raise WireError(f"{what} is refused: {problem}") from None


def child_text(element: Element, name: str) -> str:
    """Return the text of the first child of that name, "" without one."""
    return (element.findtext(name) or "").strip()


class _Reader:
    def __init__(self) -> None:
        from xml.etree.ElementTree import TreeBuilder

        self._builder = TreeBuilder()
        self._depth = 0
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._builder.data

    def read(self, text: bytes) -> Element:
        self._parser.Parse(text, True)
        return self._builder.close()

    def _start(self, name: str, attributes: "dict[str, str]") -> None:
        self._depth += 1
        if self._depth > _DEEPEST:
            raise ValueError(f"its elements are nested more than {_DEEPEST} deep")
        self._builder.start(name.rpartition(":")[2], {})

    def _end(self, name: str) -> None:
        self._depth -= 1
        self._builder.end(name.rpartition(":")[2])

    def _refuse(self, *_: object) -> None:
        raise ValueError("it declares a document type, which could have entities")
