"""The text of AWS's shared files: sections of settings, some with settings inside.

Source: docs.aws.amazon.com/sdkref/latest/guide/file-format.html, and what the Go SDK makes of cases it leaves open.
"""

from __future__ import annotations

from typing import Dict, Optional, Tuple, Union

# A setting is a text, or settings inside one ("s3 =" and indented lines below it).
Setting = Union[str, Dict[str, str]]
Section = Dict[str, Setting]
_BLANKS = " \t"


def parse(text: str) -> Dict[str, Section]:
    """Return the sections of a file by their names, as written ("profile x"). Lines without a meaning are ignored."""
    sections: Dict[str, Section] = {}
    section: Optional[Section] = None
    name = ""
    for line in text.replace("\r\n", "\n").split("\n"):
        bare = line.strip(_BLANKS)
        if not bare or bare[0] in "#;":
            continue
        heading = _heading(bare)
        if heading is not None:
            section, name = sections.setdefault(heading, {}), ""
        elif section is not None and line[0] not in _BLANKS:
            pair = _pair(_without_comment(line))
            if pair:
                name = pair[0]
                section[name] = pair[1]
        elif section is not None and name:
            name = _read_indented(section, name, bare)
    return sections


def _read_indented(section: Section, name: str, line: str) -> str:
    """Read a line that belongs to the setting `name`, or is one of its own; return the name of the latest setting."""
    above, pair = section[name], _pair(line)
    if above == "":
        above = section[name] = {}
    if isinstance(above, dict):
        if pair:
            above[pair[0]] = pair[1]
        return name
    if pair is None:
        section[name] = f"{above}\n{line}"
        return name
    section[pair[0]] = _without_comment(pair[1])
    return pair[0]


def _heading(line: str) -> Optional[str]:
    """Return "profile x" for "[ profile  x ] # comment"; None for other lines."""
    line = line.partition("#")[0].partition(";")[0].strip(_BLANKS)
    if not (line.startswith("[") and line.endswith("]")):
        return None
    kind, _, name = line[1:-1].replace("\t", " ").strip().partition(" ")
    name = name.strip()
    return f"{kind} {_unquoted(name)}" if name else _unquoted(kind)


def _pair(line: str) -> Optional[Tuple[str, str]]:
    places = [at for at in (line.find("="), line.find(":")) if at >= 0]
    if not places:
        return None
    return line[: min(places)].strip().lower(), _unquoted(line[min(places) + 1 :].strip())


def _without_comment(line: str) -> str:
    for mark in (" #", " ;", "\t#", "\t;"):
        line = line.partition(mark)[0]
    return line.rstrip(_BLANKS)


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"" else text
