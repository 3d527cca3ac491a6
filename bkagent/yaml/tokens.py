"""The tokens that the scanner makes of a YAML text: what the characters say, before what they mean."""

from __future__ import annotations

from typing import NamedTuple


class Token(NamedTuple):
    """One token. `at` is where it begins; `text` and `style` are for scalars, names and directives.

    style   of a scalar: "" plain, or its first character ("'", '"', "|", ">")
    """

    kind: str
    at: int
    text: str = ""
    style: str = ""


STREAM_END = "the end of the text"
DIRECTIVE = "a directive"
DOCUMENT_START = "---"
DOCUMENT_END = "..."
BLOCK_SEQUENCE_START = "a list"
BLOCK_MAPPING_START = "a mapping"
BLOCK_END = "a line that is indented less"
FLOW_SEQUENCE_START = "["
FLOW_SEQUENCE_END = "]"
FLOW_MAPPING_START = "{"
FLOW_MAPPING_END = "}"
BLOCK_ENTRY = "-"
FLOW_ENTRY = ","
KEY = "a key"
VALUE = ":"
ALIAS = "an alias"
ANCHOR = "an anchor"
TAG = "a tag"
SCALAR = "a value"
