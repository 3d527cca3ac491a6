"""The content type of a file, by its name, as in the reference.

First the table beside this file, whose extensions count as they are written. Then the system's MIME tables and Go's own
few types, where extensions have no case and texts are said to be UTF-8. Else `binary/octet-stream`.
"""

from __future__ import annotations

import os

from bkagent.system import mime_tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, Iterable, Iterator, Optional, Sequence, Tuple

DEFAULT = "binary/octet-stream"
_TABLE = os.path.join(os.path.dirname(__file__), "content_types.txt")

_GO_TABLE = """
application/gzip gz
application/json json
application/msword doc
application/octet-stream bin com exe
application/pdf pdf
application/postscript ai eps ps
application/rdf+xml rdf
application/rtf rtf
application/vnd.android.package-archive apk
application/vnd.ms-excel xls
application/vnd.ms-powerpoint ppt
application/vnd.openxmlformats-officedocument.presentationml.presentation pptx
application/vnd.openxmlformats-officedocument.spreadsheetml.sheet xlsx
application/vnd.openxmlformats-officedocument.wordprocessingml.document docx
application/wasm wasm
application/xhtml+xml xht xhtml
application/zip zip
audio/flac flac
audio/mp4 m4a
audio/mpeg mp3
audio/ogg oga ogg opus
audio/wav wav
audio/webm webm
image/apng apng
image/avif avif
image/bmp bmp
image/gif gif
image/jpeg jfif jpeg jpg pjp pjpeg
image/png png
image/svg+xml svg
image/tiff tif tiff
image/vnd.microsoft.icon ico
image/webp webp
image/x-xbitmap xbm
message/rfc822 eml
text/calendar ics
text/css css
text/csv csv
text/html ehtml htm html shtml
text/javascript js mjs
text/plain text txt
text/vtt vtt
text/xml xbl xml xsl
video/mp4 mp4
video/ogg ogv
"""
# RFC 2045, section 5.1: the characters of a token.
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'*+-.^_`|~{}")


_own: Dict[str, str] = {}  # the table, once a file has asked for it: a process may run many uploads


class ContentTypes:
    """Content types by file name. A table is read when a file first asks for it."""

    def __init__(
        self,
        globs: Sequence[str] = mime_tables.GLOBS,
        tables: Sequence[str] = mime_tables.TABLES,
        registered: Callable[[str], str] = mime_tables.registered_type,
    ) -> None:
        self._globs, self._tables, self._registered = globs, tables, registered
        self._system: Optional[_SystemTypes] = None

    def of(self, path: str) -> str:
        """Return the content type of a file of that name."""
        _, dot, extension = path.rpartition(".")
        if not dot or not extension or "/" in extension or os.sep in extension:
            return DEFAULT
        if not _own:
            # By the loader: the code may be run from the archive. `pkgutil` is slow to load.
            text: bytes = __spec__.loader.get_data(_TABLE)  # type: ignore[union-attr]
            _own.update(_extensions(text.decode().split("\n")))
        if extension in _own:
            return _own[extension]
        if self._system is None:
            self._system = _SystemTypes(self._globs, self._tables)
        return _with_charset(self._registered(extension)) or self._system.of(extension) or DEFAULT


class _SystemTypes:
    """The types of the system's files, over Go's own: by the extension as written, then in lower case."""

    def __init__(self, globs: Sequence[str], tables: Sequence[str]) -> None:
        self._exact: Dict[str, str] = {}
        self._lower: Dict[str, str] = {}
        for extension, kind in _extensions(_GO_TABLE.split("\n")):
            self._keep(extension, kind)
        if not any(self._read_globs(path) for path in globs):
            for path in tables:
                for extension, kind in _extensions(_lines(path) or ()):
                    self._keep(extension, kind)

    def of(self, extension: str) -> str:
        """Return the type of an extension, "" for none."""
        if extension in self._exact:
            return self._exact[extension]
        return self._lower.get(_lower(extension), "")

    def _keep(self, extension: str, kind: str) -> None:
        full = _with_charset(kind)
        if full is not None:
            self._exact[extension] = self._lower[_lower(extension)] = full

    def _read_globs(self, path: str) -> bool:
        """Read a table of the shared MIME-info database, in which the first line counts; return whether it is there."""
        lines = _lines(path)
        for line in lines or ():
            weight, kind, pattern = (line.split(":") + ["", ""])[:3]
            extension = pattern[2:] if pattern.startswith("*.") and weight and not weight.startswith("#") else ""
            if extension and extension not in self._exact and not any(letter in extension for letter in "*?["):
                self._keep(extension, kind)
        return lines is not None


def _extensions(lines: Iterable[str]) -> Iterator[Tuple[str, str]]:
    """Yield (extension, type) of lines of the form of mime.types."""
    for line in lines:
        kind, *extensions = line.split() or ["#"]
        if kind.startswith("#"):
            continue
        for extension in extensions:
            if extension.startswith("#"):
                break
            yield extension, kind


def _lines(path: str) -> Optional[Sequence[str]]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return file.read(4 * 1024 * 1024).split("\n")
    except OSError:
        return None


def _with_charset(kind: str) -> Optional[str]:
    """Return a type with the character set of texts, "" where its parameters leave no room, None if it is malformed."""
    parts = kind.partition(";")[0].strip().split("/")
    if len(parts) > 2 or not all(part and _TOKEN.issuperset(part) for part in parts):
        return None
    if not kind.startswith("text/") or "charset=" in kind.lower():
        return kind
    return "" if ";" in kind else kind.lower() + "; charset=utf-8"


def _lower(extension: str) -> str:
    """Return the extension in lower case letter by letter, as Go does: "İ" becomes one letter."""
    return extension.lower() if extension.isascii() else "".join(letter.lower()[0] for letter in extension)
