"""Read the attributes of one step, or raise an error that names the invalid one."""

from __future__ import annotations

from typing import Any, List, Mapping, Optional, Sequence, Tuple

from bkagent.pipeline import go_json
from bkagent.pipeline.errors import PipelineError

_FLAGS = {"true": True, "false": False, "": False}


class Fields:
    """The attributes of a step, or of a part of it. `what` begins every sentence about them."""

    def __init__(self, document: Mapping[str, Any], what: str) -> None:
        self.document = document
        self.what = what

    def __contains__(self, name: str) -> bool:
        return name in self.document

    def first(self, *names: str) -> Any:
        """Return the value of the first of these names that is there and not null, or None."""
        for name in names:
            if self.document.get(name) is not None:
                return self.document[name]
        return None

    def text(self, *names: str) -> str:
        """Return a text; numbers and booleans are taken as written, a missing one is ""."""
        text = self.first(*names)
        if text is None:
            return ""
        if isinstance(text, (Mapping, list)):
            raise self.wrong(names[0], "a string", text)
        return plain_text(text)

    def flag(self, name: str, default: bool = False) -> bool:
        """Return a boolean, also one written as text."""
        flag = self.document.get(name)
        if flag is None:
            return default
        if isinstance(flag, bool):
            return flag
        if isinstance(flag, str) and flag.lower() in _FLAGS:
            return _FLAGS[flag.lower()]
        raise self.wrong(name, "true or false", flag)

    def whole(self, name: str, low: Optional[int] = None, *aliases: str) -> Optional[int]:
        """Return a whole number, also one written as text, or None when it is not given."""
        node = self.first(name, *aliases)
        if node is None or node == "":
            return None
        number = whole_number(node)
        if number is None or (low is not None and number < low):
            raise self.wrong(name, "a whole number" + (f" of at least {low}" if low is not None else ""), node)
        return number

    def choice(self, name: str, words: Sequence[str], default: str) -> str:
        """Return one of `words`."""
        word = self.document.get(name)
        if word is None or word == "":
            return default
        if word not in words:
            raise self.wrong(name, "one of " + ", ".join(words), word)
        return str(word)

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return a mapping, an empty one when it is not given."""
        mapping = self.document.get(name)
        if mapping is None:
            return {}
        if not isinstance(mapping, Mapping):
            raise self.wrong(name, "a mapping", mapping)
        return mapping

    def text_map(self, name: str) -> Mapping[str, str]:
        """Return a mapping of plain values as texts."""
        texts = {}
        for key, node in self.mapping(name).items():
            if isinstance(node, (Mapping, list)):
                raise self.wrong(f"{name}.{key}", "a plain value", node)
            texts[key] = "" if node is None else plain_text(node)
        return texts

    def items(self, name: str) -> Tuple[Any, ...]:
        """Return a list, an empty one when it is not given."""
        elements = self.document.get(name)
        if elements is None:
            return ()
        if not isinstance(elements, list):
            raise self.wrong(name, "a list", elements)
        return tuple(elements)

    def texts(self, name: str, separator: Optional[str] = None, *aliases: str) -> Tuple[str, ...]:
        """Return a text, split at `separator` where there is one, or a list of texts."""
        node = self.first(name, *aliases)
        if node is None:
            return ()
        parts: List[str] = []
        for element in node if isinstance(node, list) else [node]:
            if element is None or isinstance(element, (Mapping, list)):
                raise self.wrong(name, "a string or a list of strings", node)
            parts += plain_text(element).split(separator) if separator else [plain_text(element)]
        return tuple(element.strip() for element in parts if element.strip())

    def wrong(self, name: str, expected: str, node: Any) -> PipelineError:
        """Return the error for an attribute of the wrong type."""
        return PipelineError(f"{self.what}: {name} must be {expected}, not {describe(node)}")


def whole_number(node: Any) -> Optional[int]:
    """Return a whole number from a number or its text, or None."""
    if isinstance(node, bool):
        return None
    if isinstance(node, int):
        return node
    if isinstance(node, float) and node.is_integer():
        return int(node)
    try:
        return int(node, 10) if isinstance(node, str) and len(node) < 20 else None
    except ValueError:
        return None


def plain_text(scalar: Any) -> str:
    """Return a plain value as text, booleans and floats the way JSON would write them."""
    if isinstance(scalar, bool):
        return "true" if scalar else "false"
    return go_json.number(scalar) if isinstance(scalar, float) else str(scalar)


def describe(node: Any) -> str:
    """Return a value in a few words for a message."""
    if isinstance(node, Mapping):
        return "a mapping"
    if isinstance(node, list):
        return "a list"
    if node is None:
        return "null"
    if isinstance(node, bool):
        return "true" if node else "false"
    text = str(node)
    text = text if len(text) <= 60 else text[:57] + "..."
    return f'"{text}"' if isinstance(node, str) else text
