"""Read the small parts: names of anchors and aliases, tags, directives."""

from __future__ import annotations

import re
from urllib.parse import unquote

from bkagent.yaml.scan_plain import Read
from bkagent.yaml.text import Text

_NAME = re.compile(r"[&*]([\w-]+)", re.ASCII)
_TAG = re.compile(r"!<([^\s<>\0]*)>|(!(?:[\w-]*!)?)([^\s,\[\]{}\0]*)")
_BEHIND = re.compile(r"[ \t\n\0,\]}:?%@`]")
_DIRECTIVE = re.compile(r"%([A-Z]+)[ \t]+([^\n\0#]*)(?:#[^\n\0]*)?(?=[\n\0])")
_VERSION = re.compile(r"1\.[12]")
_HANDLE = re.compile(r"(!(?:[\w-]*!)?)[ \t]+\S+")
STANDARD = "tag:yaml.org,2002:"


def name(text: Text, at: int) -> Read:
    """Read `&name` or `*name`; the text is the name."""
    match = _NAME.match(text.characters, at)
    kind = "anchor" if text.characters[at] == "&" else "alias"
    if match is None or not _BEHIND.match(text.characters, match.end()):
        text.wrong(at, f"expected the name of an {kind} out of letters, digits, - and _; a string needs quotes here")
    return Read(match.group(1), match.end())


def tag(text: Text, at: int) -> Read:
    """Read a tag. Those of YAML itself are returned in short form, such as "!!str"; "!" is the bare one."""
    match = _TAG.match(text.characters, at)
    if match is None or text.characters[match.end()] not in " \t\n\0,":
        text.wrong(at, "expected a tag such as !!str and a blank behind it")
    if match.group(1) is not None:
        full = unquote(match.group(1))
        return Read("!!" + full[len(STANDARD) :] if full.startswith(STANDARD) else full, match.end())
    return Read(match.group(2) + unquote(match.group(3)), match.end())


def directive(text: Text, at: int) -> Read:
    """Read `%YAML 1.2` or `%TAG ! prefix`. Nothing here depends on them; others are refused."""
    match = _DIRECTIVE.match(text.characters, at)
    if match is None:
        text.wrong(at, "expected %YAML 1.2 or %TAG; a string that begins with % needs quotes")
    word, value = match.group(1), match.group(2).rstrip()
    if word == "YAML" and not _VERSION.fullmatch(value):
        text.wrong(match.start(2), f'expected YAML version 1.1 or 1.2, found "{value}"')
    if word == "TAG" and not _HANDLE.fullmatch(value):
        text.wrong(match.start(2), "expected a handle such as !e! and a prefix")
    if word not in ("YAML", "TAG"):
        text.wrong(at, f"expected %YAML or %TAG, found %{word}")
    return Read(word, match.end())
