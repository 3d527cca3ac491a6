"""Requests as no client should send them: valid ones, spoilt in path, query, headers, body or framing by a seed."""

from __future__ import annotations

import copy
import functools
import gzip
import json
import random
import re
import zlib
from dataclasses import dataclass, field, replace
from typing import Any, Callable, List, Sequence, Tuple
from urllib.parse import quote

Headers = Tuple[Tuple[str, str], ...]
TEXTS = (
    "", "a", " ", "\0", "\ud800", "é" * 50, "a" * 5000, "../..", "%2e", "-1", "0", "9" * 30, "null", "[a-z]", "*",
    "(a+)+$", "a;b,c", "\r\nX-Injected: y", "2020-01-01", "2020-13-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
    "NaN", "steps: [", "steps: [{command: a}]", "&a *a", "failed,soft_failed", "finished", "١٢", "true", "\u202e\ufeff",
    "<script>", "' OR 1=1 --", "$HOME ${X?} $$", "{{matrix}}", "build.branch == 'a' &&", "a" * 300_000,
    "\U0001f6e0" * 9, "0001-01-01T00:00:00Z", "2026-01-01T00:00:00+99:99", "queue=*", "env=", "=", "id\x1b[31m",
    "default", "priority",
)  # fmt: skip
NUMBERS = (0, 1, -1, 2**31, 2**63, 2**64, 10**300, 1.5, -0.0, 1e308, True, False, None)
# Numbers that only a text of JSON can have.
WRITTEN_NUMBERS = ("1e999", "-1e999", "NaN", "Infinity", "9" * 5000, "1E400", "00", "0x1", "1.", "-")
SEGMENTS = (
    "", ".", "..", "%2e%2e", "%2F", "%00", "%", "%zz", "%ff", "%ed%a0%80", "é", "a b", "*", "0", "-1", "1e3", "9" * 20,
    "99999999999999", "a" * 5000, ";a=b", "+", "-", "null", "local", "%F0%9F%9B%A0", "\\..\\", "a%0d%0ab", "default",
)  # fmt: skip
PARAMETERS = (
    "page", "per_page", "state", "state[]", "branch[]", "commit", "creator", "created_from", "created_to",
    "finished_from", "meta_data[k]", "meta_data[", "meta_data[]", "scope", "after", "before", "path", "name",
    "hostname", "version", "job_states[]", "exclude_jobs", "include_retried_jobs", "omit_body", "query", "sequence",
    "offset", "size", "since", "start", "to", "token", "key", "step_key", "repository", "odd", "", "[]",
)  # fmt: skip
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "get", "A" * 300, "G\tT", "")
RANGES = (
    "bytes=-5",
    "bytes=0-",
    "bytes=5-1",
    "x",
    "bytes=99999999999999999999-",
    "bytes=0-1,2-3",
    "bytes=-0",
    "bytes=--1",
)
TYPES = (
    "application/json", "text/plain", "application/json; charset=utf-16", "multipart/form-data",
    'multipart/form-data; boundary="', "multipart/form-data; boundary=" + "b" * 80, "application/x-www-form-urlencoded",
    "", "é", "a/b; charset=\x80",
)  # fmt: skip
WHOLE_BODIES = (
    b"", b" ", b"{", b"nul", b"\xff\xfe", b"[" * 100_000, b'{"a":' * 5000, b'"\\ud800"', b"1" * 5000, b"[]", b"null",
    b'"text"', b'{"a":1}{"b":2}', b"\xef\xbb\xbf{}", b'{"\xed\xa0\x80": 1}', b"--b\r\n", b"a=b&c=%ff&form_token=",
)  # fmt: skip
_MOST_CHARACTERS = 4 << 20  # of an array that is made longer
_MARK = "\ue000number "


@dataclass(frozen=True)
class Shot:
    """One request, not necessarily a valid one."""

    method: str
    path: str
    query: Tuple[Tuple[str, str], ...] = ()
    headers: Headers = ()
    body: bytes = b""
    version: str = "HTTP/1.1"
    framing: Tuple[bytes, ...] = field(default=(), repr=False)  # in place of the body and its length

    def to_bytes(self) -> bytes:
        """Return it as it is sent."""
        target = self.path + ("?" + "&".join(f"{name}={text}" for name, text in self.query) if self.query else "")
        lines = [f"{self.method} {target} {self.version}", "Connection: close"]
        lines += [f"{name}: {text}" for name, text in self.headers]
        if not self.framing and (self.body or self.method in ("POST", "PUT", "PATCH")):
            lines.append(f"Content-Length: {len(self.body)}")
        head = "\r\n".join(lines).encode("latin-1", "replace")
        return head + (b"".join(self.framing) if self.framing else b"\r\n\r\n" + self.body)


class Spoiler:
    """Spoils valid requests, always in the same way for the same seed."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def spoil(self, shot: Shot, document: Any) -> Shot:
        """Return the request with a fault or several; `document` is what its JSON body would hold, None for no JSON."""
        chance = self._chance
        if document is not None:
            shot = replace(shot, body=self._written(self._spoilt(document)) if chance.random() < 0.8 else shot.body)
        faults: "List[Callable[[Shot], Shot]]" = [self._path, self._query, self._headers, self._body, self._framing]
        weights = (2, 4, 3, 2, 2)
        for fault in chance.choices(faults, weights, k=chance.choice((0, 0, 1, 1, 2))):
            shot = fault(shot)
        return replace(shot, method=chance.choice(METHODS)) if chance.random() < 0.05 else shot

    def anything(self, depth: int = 0) -> Any:
        """Return a value of any type of JSON."""
        chance = self._chance
        kind = chance.random()
        if kind < 0.4 or depth > 3:
            return chance.choice(TEXTS)
        if kind < 0.6:
            return chance.choice(NUMBERS)
        if kind < 0.7:
            return _MARK + chance.choice(WRITTEN_NUMBERS)
        if kind < 0.72:
            return self._deep(chance.choice((10, 127, 129, 180)))
        if kind < 0.86:
            return [self.anything(depth + 1) for _ in range(chance.randrange(4))]
        return {chance.choice(TEXTS): self.anything(depth + 1) for _ in range(chance.randrange(4))}

    def _deep(self, levels: int) -> Any:
        outer: Any = 1
        for _ in range(levels):
            outer = [outer] if self._chance.random() < 0.5 else {"a": outer}
        return outer

    def _spoilt(self, document: Any) -> Any:
        """Return a copy with some members replaced, renamed, removed or added."""
        document = copy.deepcopy(document)
        for _ in range(self._chance.choice((0, 1, 1, 1, 2, 5))):
            outers = list(_outers(document))
            if not outers or self._chance.random() < 0.05:
                return self.anything()
            self._spoil_member(self._chance.choice(outers))
        return document

    def _spoil_member(self, outer: Any) -> None:
        chance = self._chance
        keys: Sequence[Any] = list(outer) if isinstance(outer, dict) else range(len(outer))
        what = chance.random()
        if what < 0.15 and isinstance(outer, dict):
            outer[chance.choice(TEXTS)] = self.anything()
        elif what < 0.2 and isinstance(outer, list) and outer:
            times = chance.choice((1, 30, 1200))
            if len(json.dumps(outer)) * times < _MOST_CHARACTERS:
                outer += [copy.deepcopy(member) for _ in range(times) for member in outer]
        elif not keys:
            return
        elif what < 0.3:
            del outer[chance.choice(keys)]
        else:
            outer[chance.choice(keys)] = self.anything()

    def _written(self, document: Any) -> bytes:
        text = json.dumps(document)
        text = re.sub(r'"\\ue000number ([^"]*)"', r"\1", text)
        form = self._chance.random()
        if form < 0.03:
            return text.encode("utf-16")
        if form < 0.06:
            return re.sub(r"\\u(d[89ab]..)", lambda match: chr(int(match[1], 16)), text).encode(
                "utf-8", "surrogatepass"
            )
        if form < 0.08 and text.startswith("{"):
            return (text[:-1] + ("," if len(text) > 2 else "") + text[1:]).encode("ascii")  # every key twice
        return text.encode("ascii")

    def _path(self, shot: Shot) -> Shot:
        chance = self._chance
        segments = ["", *shot.path.split("/")[1:], ""]
        what = chance.random()
        if what < 0.5:
            segments[chance.randrange(1, len(segments))] = chance.choice(SEGMENTS)
        elif what < 0.7:
            segments.insert(chance.randrange(1, len(segments)), chance.choice(SEGMENTS))
        path = "/".join(segments[:-1] if chance.random() < 0.9 else segments)
        if what >= 0.7:
            path = chance.choice((
                path + "/", "/" + path, path + "#x", path[1:], "*", "http://other" + path, path.upper(), path + "%",
                path + "?", "//" + "a" * 70_000, path.replace("/", "%2F"), path + " ", "\x80" + path,
            ))  # fmt: skip
        return replace(shot, path=path)

    def _query(self, shot: Shot) -> Shot:
        chance = self._chance
        count = chance.choice((1, 2, 3, 3, 250))
        names = [name for name, _ in shot.query] + list(PARAMETERS)
        more = tuple(
            (self._escaped(chance.choice(names)), self._escaped(chance.choice(TEXTS)[:2000])) for _ in range(count)
        )
        kept = tuple(pair for pair in shot.query if chance.random() < 0.7)
        return replace(shot, query=more + kept if chance.random() < 0.5 else kept + more)

    def _escaped(self, text: str) -> str:
        how = self._chance.random()
        if how < 0.03:
            return "%" + quote(text.encode("utf-8", "surrogatepass"), safe="")
        if how < 0.06:
            return re.sub("[^!-~]", "", text)
        return quote(text.encode("utf-8", "surrogatepass"), safe="")

    def _headers(self, shot: Shot) -> Shot:
        chance = self._chance
        more: Headers = chance.choice((
            (("Range", chance.choice(RANGES)),), (("Range", chance.choice(RANGES)),),
            (("Accept", chance.choice(("text/plain", "text/html", "\xff", "*/*;q=x", "application/json", ""))),),
            (("Content-Type", chance.choice(TYPES)),), (("Content-Type", chance.choice(TYPES)),),
            (("Content-Encoding", chance.choice(("br", "deflate", "gzip", "gzip, gzip", "GZIP", ""))),),
            (("Expect", chance.choice(("100-continue", "200-ok"))),),
            (("Cookie", chance.choice(("a", "=", "bkagent_session=" + "a" * 5000, "bkagent_session=é; " * 50))),),
            (("Host", chance.choice(("other.example", "a b", "127.0.0.1:99999", "[::1", ""))),),
            tuple((f"X-{number}", "y") for number in range(120)), (("X-Long", "a" * 70_000),),
            (("X-Odd", "a\x00b\x7f"),), (("X Odd", "a"),), (("Transfer-Encoding", "gzip"),),
            (("Content-Length", chance.choice(("-1", "x", "1, 2", "9" * 30))),),
            (("Authorization", chance.choice(("", "Bearer", "Token " + "a" * 5000, "Basic !", "Bearer é"))),),
            (("If-None-Match", "*"), ("If-Modified-Since", "x")), (("Upgrade", "h2c"), ("Connection", "Upgrade")),
            (("X-HTTP-Method-Override", "DELETE"),), (("Accept-Encoding", "br;q=1"),), (("Forwarded", "for=1"),),
        ))  # fmt: skip
        changed = {name.lower() for name, _ in more} if chance.random() < 0.8 else set()
        headers = tuple(pair for pair in shot.headers if pair[0].lower() not in changed) + more
        version = chance.choice(("HTTP/1.0", "HTTP/2", "X")) if chance.random() < 0.1 else "HTTP/1.1"
        return replace(shot, headers=headers, version=version)

    def _body(self, shot: Shot) -> Shot:
        chance = self._chance
        zipped = gzip.compress(shot.body or b"{}", mtime=0)
        bodies = (
            chance.choice(WHOLE_BODIES), shot.body[: len(shot.body) // 2], shot.body + b"\0", zipped, zipped[:-5],
            zipped[:-1], zipped + b"rest", zipped * 70, b"\x1f\x8b" + zipped, zipped[:10], zlib.compress(shot.body),
            _bomb(), bytes(chance.randrange(256) for _ in range(50)),
        )  # fmt: skip
        body = chance.choice(bodies)
        is_zipped = chance.random() < 0.8 and body is not bodies[0]
        kept = tuple(pair for pair in shot.headers if pair[0].lower() != "content-encoding")
        return replace(shot, body=body, headers=kept + ((("Content-Encoding", "gzip"),) if is_zipped else ()))

    def _framing(self, shot: Shot) -> Shot:
        chance, body, size = self._chance, shot.body, len(shot.body)
        chunks = b"\r\nTransfer-Encoding: chunked\r\n\r\n"
        chunk = b"%x\r\n%b\r\n" % (size, body) if body else b""
        framing: Tuple[bytes, ...] = chance.choice((
            (chunks, chunk, b"0\r\n\r\n"), (chunks, chunk, b"0\r\nX-Trailer: a\r\n\r\n"), (chunks, chunk),
            (chunks, b"zz\r\n"), (chunks, b"-1\r\n\r\n"), (chunks, b"ffffffffff\r\n"), (chunks, b"\r\n"),
            (chunks, b"5\r\nab\r\n0\r\n\r\n"), (chunks, b"1;" + b"e" * 2000 + b"\r\na\r\n0\r\n\r\n"),
            (chunks, b"1\r\na\r\n" * 5000, b"0\r\n\r\n"),
            (chunks, chunk, b"0\r\n" + b"A: b\r\n" * 200), (b"\r\nContent-Length: %d\r\n\r\n" % (size + 5), body),
            (b"\r\nContent-Length: %d\r\n\r\n" % (size // 2), body),
            (b"\r\nContent-Length: 99999999999999\r\n\r\n", body),
            (b"\r\nContent-Length: %d\r\nContent-Length: %d\r\n\r\n" % (size, size + 1), body),
            (b"\r\nContent-Length: %d\r\nTransfer-Encoding: chunked\r\n\r\n" % size, body), (b"\r\n\r\n", body),
            (b"\r\n",), (b"\nContent-Length: 0\n\n",), (b"\r\n folded\r\n\r\n",), (b"\r\nContent-Length: +0\r\n\r\n",),
            (b"\r\nContent-Length: %d\r\n\r\n" % size, body, b"GET /v3 HTTP/1.1\r\n\r\n"),
        ))  # fmt: skip
        return replace(shot, framing=framing)


@functools.lru_cache(maxsize=None)
def _bomb() -> bytes:
    """Return a small text that inflates to more than any body may have."""
    return gzip.compress(bytes(20 << 20), mtime=0)


def _outers(document: Any) -> "List[Any]":
    """Return the objects and arrays of a document, itself first."""
    outers, at = [document] if isinstance(document, (dict, list)) else [], 0
    while at < len(outers):
        outer = outers[at]
        inner = outer.values() if isinstance(outer, dict) else outer
        outers += [member for member in inner if isinstance(member, (dict, list))]
        at += 1
    return outers
