"""Make values of the tokens of one document: dictionaries in document order, lists and scalars.

A mapping's keys are texts; the last value of a repeated key wins; `<<` merges. An alias stands for the very
value of its anchor, so copy a value before changing it.
"""

from __future__ import annotations

from typing import Any, Dict, List, Tuple

from bkagent.yaml import tokens as t
from bkagent.yaml.anchors import Anchors
from bkagent.yaml.scalars import key_text, resolve, tagged
from bkagent.yaml.text import Text
from bkagent.yaml.tokens import Token

# Real pipelines stay below 20. What reads the values later walks them with one or two calls a level.
DEEPEST = 100
_AFTER_NODE = (t.DOCUMENT_END, t.DIRECTIVE, t.DOCUMENT_START, t.STREAM_END)
_NO_ITEM = (t.BLOCK_ENTRY, t.BLOCK_END)
_NO_INDENTLESS_ITEM = (t.BLOCK_ENTRY, t.KEY, t.VALUE, t.BLOCK_END)
_NO_BLOCK_VALUE = (t.KEY, t.VALUE, t.BLOCK_END)


class _Merge:
    """Stands for the key `<<`."""


_MERGE = _Merge()


class Composer:
    """Reads the tokens of one document. The last token is a boundary that belongs to what follows."""

    def __init__(self, text: Text, tokens: List[Token]) -> None:
        self.text = text
        self.tokens = tokens
        self.index = 0
        self.depth = 0
        self.anchors = Anchors(text)

    def document(self) -> Any:
        """Return the document's value; an empty one is None."""
        if self.tokens[0].kind in _AFTER_NODE:
            return None
        value = self._node()
        token = self.tokens[self.index]
        if token.kind not in _AFTER_NODE:
            self._wrong("the end of the document, or another line of what stands before")
        return value

    def _wrong(self, expected: str) -> None:
        token = self.tokens[self.index]
        self.text.wrong(token.at, f"expected {expected}, found {_shown(token)}")

    def _node(self, indentless: bool = False) -> Any:
        token = self.tokens[self.index]
        if token.kind == t.SCALAR:
            self.index += 1
            self.anchors.count(len(token.text))
            return token.text if token.style else resolve(token.text)
        if token.kind == t.ALIAS:
            self.index += 1
            return self.anchors.value(token, self.depth)
        if token.kind not in (t.ANCHOR, t.TAG):
            return self._content(token, "", indentless, False)
        anchor, tag = self._properties()
        begun = self.anchors.begin(anchor, self.depth)
        value = self._content(self.tokens[self.index], tag, indentless, True)
        self.anchors.end(begun, value)
        return value

    def _properties(self) -> Tuple[str, str]:
        found: Dict[str, str] = {}
        while self.tokens[self.index].kind in (t.ANCHOR, t.TAG):
            token = self.tokens[self.index]
            if token.kind in found:
                self._wrong(f"a value, which has only one {token.kind.split()[-1]}")
            found[token.kind] = token.text
            self.index += 1
        return found.get(t.ANCHOR, ""), found.get(t.TAG, "")

    def _content(self, token: Token, tag: str, indentless: bool, may_be_empty: bool) -> Any:
        kind = token.kind
        if kind == t.SCALAR:
            self.index += 1
            self.anchors.count(len(token.text))
            return self._scalar(token, tag)
        if kind == t.BLOCK_ENTRY and indentless:
            return self._deeper(self._indentless_sequence)
        if kind in _COLLECTIONS:
            self.index += 1
            return self._deeper(getattr(self, _COLLECTIONS[kind]))
        if not may_be_empty:
            self._wrong("a value")
        return self._scalar(Token(t.SCALAR, token.at), tag)

    def _scalar(self, token: Token, tag: str) -> Any:
        if not tag:
            return token.text if token.style else resolve(token.text)
        try:
            return tagged(tag, token.text, not token.style)
        except ValueError as wrong:
            self.text.wrong(token.at, f'expected {wrong} behind the tag {tag}, found "{token.text}"')

    def _deeper(self, read: Any) -> Any:
        self.depth += 1
        if self.depth > DEEPEST:
            self.text.wrong(self.tokens[self.index].at, f"expected at most {DEEPEST} levels of nesting, found more")
        self.anchors.reach(self.depth)
        self.anchors.count(0)
        value = read()
        self.depth -= 1
        return value

    # Sequences

    def _block_sequence(self) -> List[Any]:
        items = self._items(_NO_ITEM, False)
        if self.tokens[self.index].kind != t.BLOCK_END:
            self._wrong('another item with "-", or a line that is indented less')
        self.index += 1
        return items

    def _indentless_sequence(self) -> List[Any]:
        return self._items(_NO_INDENTLESS_ITEM, False)

    def _items(self, no_item: Tuple[str, ...], indentless: bool) -> List[Any]:
        tokens = self.tokens
        items: List[Any] = []
        while tokens[self.index].kind == t.BLOCK_ENTRY:
            self.index += 1
            items.append(None if tokens[self.index].kind in no_item else self._node(indentless))
        return items

    def _flow_sequence(self) -> List[Any]:
        items: List[Any] = []
        while self._more_in_flow(t.FLOW_SEQUENCE_END, bool(items)):
            if self.tokens[self.index].kind == t.KEY:
                self.index += 1
                pair: List[Tuple[Any, Any]] = [self._flow_pair(t.FLOW_SEQUENCE_END)]
                items.append(self._mapping(pair))
            else:
                items.append(self._node())
        return items

    def _more_in_flow(self, closing: str, later: bool) -> bool:
        """Go past the comma or the closing bracket; return whether an entry follows."""
        token = self.tokens[self.index]
        if later and token.kind == t.FLOW_ENTRY:
            self.index += 1
            token = self.tokens[self.index]
        elif later and token.kind != closing:
            self._wrong(f"a comma or {closing}")
        if token.kind != closing:
            return True
        self.index += 1
        return False

    # Mappings

    def _block_mapping(self) -> Dict[str, Any]:
        tokens = self.tokens
        pairs: List[Tuple[Any, Any]] = []
        while tokens[self.index].kind in (t.KEY, t.VALUE):
            key: Any = None
            at = tokens[self.index].at
            if tokens[self.index].kind == t.KEY:
                self.index += 1
                if tokens[self.index].kind not in _NO_BLOCK_VALUE:
                    key = self._key(True)
            value = None
            if tokens[self.index].kind == t.VALUE:
                self.index += 1
                if tokens[self.index].kind not in _NO_BLOCK_VALUE:
                    value = self._node(True)
            pairs.append((self._checked(key, at), self._merge_value(key, value, at)))
        if tokens[self.index].kind != t.BLOCK_END:
            self._wrong("another key with a colon, indented like those above, or a line that is indented less")
        self.index += 1
        return self._mapping(pairs)

    def _flow_mapping(self) -> Dict[str, Any]:
        pairs: List[Tuple[Any, Any]] = []
        while self._more_in_flow(t.FLOW_MAPPING_END, bool(pairs)):
            if self.tokens[self.index].kind == t.KEY:
                self.index += 1
                pairs.append(self._flow_pair(t.FLOW_MAPPING_END))
            else:
                at = self.tokens[self.index].at
                key = self._key(False)
                pairs.append((self._checked(key, at), self._merge_value(key, None, at)))
        return self._mapping(pairs)

    def _flow_pair(self, closing: str) -> Tuple[Any, Any]:
        tokens = self.tokens
        at = tokens[self.index].at
        key = None
        if tokens[self.index].kind not in (t.VALUE, t.FLOW_ENTRY, closing):
            key = self._key(False)
        value = None
        if tokens[self.index].kind == t.VALUE:
            self.index += 1
            if tokens[self.index].kind not in (t.FLOW_ENTRY, closing):
                value = self._node()
        return self._checked(key, at), self._merge_value(key, value, at)

    def _key(self, indentless: bool) -> Any:
        """Return a key's value, or _MERGE."""
        token = self.tokens[self.index]
        if token.kind == t.SCALAR and token.text == "<<" and not token.style:
            self.index += 1
            return _MERGE
        if token.kind == t.TAG and token.text in ("!!merge", "!") and self.tokens[self.index + 1].text == "<<":
            self.index += 2
            return _MERGE
        return self._node(indentless)

    def _checked(self, key: Any, at: int) -> Any:
        if key is _MERGE or isinstance(key, str):
            return key
        text = key_text(key)
        if text is None:
            found = "null" if key is None else "a list" if isinstance(key, list) else "a mapping"
            hint = "" if key is None else "; a string that begins with { or [ needs quotes"
            self.text.wrong(at, f"expected a plain value as the key, found {found}{hint}")
        return text

    def _merge_value(self, key: Any, value: Any, at: int) -> Any:
        if key is not _MERGE:
            return value
        sources = value if isinstance(value, list) else [value]
        if not all(isinstance(source, dict) for source in sources):
            self.text.wrong(at, "expected a mapping, or a list of them, to merge with <<")
        merged: Dict[str, Any] = {}
        for source in sources:
            for name, item in source.items():
                merged.setdefault(name, item)
        return merged

    def _mapping(self, pairs: List[Tuple[Any, Any]]) -> Dict[str, Any]:
        if all(key is not _MERGE for key, _ in pairs):
            return dict(pairs)
        own = {key for key, _ in pairs if key is not _MERGE}
        result: Dict[str, Any] = {}
        for key, value in pairs:
            if key is _MERGE:
                for name, item in value.items():
                    if name not in own:
                        result.setdefault(name, item)
            else:
                result[key] = value
        return result


_COLLECTIONS = {
    t.BLOCK_SEQUENCE_START: "_block_sequence",
    t.BLOCK_MAPPING_START: "_block_mapping",
    t.FLOW_SEQUENCE_START: "_flow_sequence",
    t.FLOW_MAPPING_START: "_flow_mapping",
}


def _shown(token: Token) -> str:
    if token.kind == t.SCALAR:
        text = token.text if len(token.text) <= 40 else token.text[:37] + "..."
        return f'"{text}"'
    return f'"{token.kind}"' if len(token.kind) <= 3 else token.kind
