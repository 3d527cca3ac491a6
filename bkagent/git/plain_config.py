"""A repository's configuration in the form in which git writes it, read without git. Anything else is left to git.

Most checkouts have such a file, and a question to git costs as much as starting it. Nothing is guessed: where a line is
written otherwise, or where settings of the repository may lie in another file, there is no answer.
"""

from __future__ import annotations

import os
import re
from typing import List, Mapping, NamedTuple, Optional

from bkagent.system.plain_file import read_plain

# Sections and settings, one a line; no quotes or escapes in values, no comments, no `[section.name]`, no continuation.
_SECTION = r'\[[a-z]+(?: "[^"\\\]\r\n]*")?\]\n'
_SETTING = r"\t[A-Za-z][A-Za-z0-9-]* = (?! )[^\"\\#;\0\t\r\n]*(?<! )\n"
_PLAIN = re.compile(f"(?:{_SECTION}(?:{_SETTING})*)+")
# Settings of the repository that lie elsewhere: in included files, and in one for each working tree.
_ELSEWHERE = ("[include", "worktreeconfig")
# With these, git uses another repository than that of the folder. Source: git(1).
_REDIRECTING = ("GIT_DIR", "GIT_COMMON_DIR")
_SHA1_DIGITS = 40
_LIMIT_BYTES = 1 << 20  # an earlier job may have left a file of any size, or a FIFO, which git can be stopped at


class PlainConfig(NamedTuple):
    """The settings of a repository. `has_sha1_ids`: each name of 40 hexadecimal digits is the id of an object."""

    origin_urls: List[str]
    has_sha1_ids: bool

    def has_id(self, reference: str) -> bool:
        """Return whether git takes a hexadecimal `reference` for the id of an object, whatever else has that name."""
        return self.has_sha1_ids and len(reference) == _SHA1_DIGITS


def read(git_dir: str, env: Mapping[str, str]) -> Optional[PlainConfig]:
    """Return the settings of the repository in a folder, None where only git knows. `env` is what git would get."""
    if any(name in env for name in _REDIRECTING) or os.path.lexists(os.path.join(git_dir, "commondir")):
        return None
    try:
        text = read_plain(os.path.join(git_dir, "config"), _LIMIT_BYTES).decode("utf-8", "surrogateescape")
    except OSError:
        return None
    folded = text.lower()
    if not _PLAIN.fullmatch(text) or any(word in folded for word in _ELSEWHERE):
        return None
    # git reads the format from this file alone, and only from the first version that knows others than SHA-1.
    return PlainConfig(_origin_urls(text), "objectformat" not in folded)


def _origin_urls(text: str) -> List[str]:
    urls, is_origin = [], False
    for line in text.split("\n"):
        if line.startswith("["):
            is_origin = line == '[remote "origin"]'
        elif is_origin:
            name, _, value = line[1:].partition(" = ")
            if name.lower() == "url":
                urls.append(value)
    return urls
