"""What the worst inputs that a request can bring to the control plane cost.

    python3 tests/bench/hostile.py [WORDS]

Prints for each input how large it is, what became of it, its CPU seconds for a megabyte, and how many times that is
what reading a megabyte of ordinary JSON takes in the same run. WORDS choose the rows whose name holds one of them.
The last column compares the same input at twice the size: about 2.0 is linear, 4.0 would be quadratic.
"""

from __future__ import annotations

import gzip
import json
import os
import socket
import sys
import threading
import time
from typing import Any, Callable, Dict, List, Tuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from bkagent.controlplane.scheduling import branches, ordering
from bkagent.controlplane.scheduling.expand import Target, expand
from bkagent.controlplane.scheduling.limits import CONDITIONS_S
from bkagent.controlplane.scheduling.nodes import StepNode
from bkagent.controlplane.web.rest_api import paging
from bkagent.controlplane.web.ui.emoji import with_emoji
from bkagent.controlplane.web.ui.log_view import log_view, whole_lines
from bkagent.controlplane.web.ui.terminal.lines import log_html, read_lines
from bkagent.errors import AgentError
from bkagent.pipeline.conditional import regex
from bkagent.pipeline.conditional.evaluate import evaluate
from bkagent.pipeline.model import graph, steps_reader
from bkagent.transport.server.byte_range import read_range
from bkagent.transport.server.multipart import FormReader
from bkagent.transport.server.request import Request, inflate
from bkagent.transport.server.server_connection import ServerConnection

MEGABYTE = 1 << 20
LINK = b"\x1b]8;;http://" + b"x" * 2000 + b"\x07"
# A parser, and what makes an input of about so many bytes for it.
Row = Tuple[str, Callable[[Any], object], Callable[[int], Any]]


def fill(text: str) -> Callable[[int], str]:
    """Return what repeats a text up to a size."""
    return lambda size: text * (size // len(text.encode()))


def fill_bytes(data: bytes) -> Callable[[int], bytes]:
    return lambda size: data * (size // len(data))


def read_request(sent: bytes) -> object:
    """Send bytes over a socket and read the request that they are, its body as JSON."""
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as client:
        connection = ServerConnection(listener.accept()[0])
        sender = threading.Thread(target=_send, args=(client, sent))
        sender.start()
        try:
            head = connection.read_head()
            assert head is not None
            request = Request(head, connection)
            return request.query, request.json()
        finally:
            connection.abort()
            connection.close()
            sender.join()


def _send(client: socket.socket, data: bytes) -> None:
    try:
        client.sendall(data)
    except OSError:
        pass  # refused before all of it was sent


def post(body: bytes, header: bytes = b"") -> bytes:
    length = b"" if header else b"Content-Length: %d\r\n" % len(body)
    return b"POST / HTTP/1.1\r\nHost: x\r\n" + header + length + b"\r\n" + body


def chunked(chunk: bytes) -> Callable[[int], bytes]:
    return lambda size: post(fill_bytes(chunk)(size) + b"0\r\n\r\n", b"Transfer-Encoding: chunked\r\n")


def read_form(data: bytes) -> object:
    blocks = iter([data[at : at + 65536] for at in range(0, len(data), 65536)])
    reader = FormReader(blocks, b"b")
    return sum(len(block) for _ in reader.parts() for block in reader.blocks())


def show_log(log: bytes) -> object:
    shown, _ = whole_lines(log, 0)
    return len(log_view(read_lines(shown), live=False)), len(log_html(shown))


def upload(document: Any) -> object:
    """Do with a pipeline what an upload does, and one step of scheduling."""
    pipeline = steps_reader.read(document)
    graph.check(pipeline, (), unknown_allowed=True)
    ids = iter(range(1 << 30))
    conditions = {"build.message": "a" * 30_000, "build.branch": "a" * 60}
    target = Target("b", "u", conditions, "main", 0.0, 0.0, lambda: str(next(ids)))
    with regex.limit_time(CONDITIONS_S):
        entries, jobs = expand(pipeline, target)
    by_step: Dict[str, List[Any]] = {}
    for job in jobs:
        by_step.setdefault(job.step_id, []).append(job)
    walk = tuple(pipeline.walk())
    nodes = [StepNode(entry, *walk[entry.at], tuple(by_step.get(entry.id, ())), "") for entry in entries]
    return len(ordering.advance(nodes))


def steps(size: int, step: Callable[[int], Any], count: int = 500) -> Any:
    return {"steps": [step(number) for number in range(count)]}


def chain(size: int) -> Any:
    def step(number: int) -> Any:
        return {"command": "x", "key": f"k{300 - number}", "depends_on": [f"k{key}" for key in range(300 - number)]}

    return {"steps": [step(number) for number in range(300)]}


def same_dependency(size: int) -> Any:
    many = ["a"] * (size // 5)
    return {"steps": [{"command": "x", "key": "a"}, {"command": "y", "depends_on": many}]}


ROWS: Tuple[Row, ...] = (
    ("JSON: ordinary", read_request, lambda n: post(json.dumps([{"key": "value", "n": 1}] * (n // 27)).encode())),
    ("JSON: one number", read_request, lambda n: post(b"9" * n)),
    ("JSON: one fraction", read_request, lambda n: post(b"0." + b"9" * n)),
    ("JSON: nested arrays", read_request, lambda n: post(b"[" * (n // 2) + b"]" * (n // 2))),
    ("JSON: many flat arrays", read_request, lambda n: post(b"[" + b"[]," * (n // 3) + b"1]")),
    ("JSON: halves of characters", read_request, lambda n: post(b'["' + b"\\ud800" * (n // 6) + b'"]')),
    ("body: chunks of one byte", read_request, chunked(b"1\r\n \r\n")),
    ("body: long lines of chunks", read_request, chunked(b"1;" + b"x" * 1000 + b"\r\n \r\n")),
    ("head: headers without end", read_request, lambda n: b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * (n // 6)),
    ("head: a query of many fields", read_request, lambda n: b"GET /?" + b"a=1&" * 15_000 + b" HTTP/1.1\r\n\r\n"),
    ("head: a path of many segments", read_request, lambda n: b"GET " + b"/%41" * 15_000 + b" HTTP/1.1\r\n\r\n"),
    ("gzip: empty members", lambda data: inflate(data, MEGABYTE), fill_bytes(gzip.compress(b"", mtime=0))),
    ("gzip: a bomb", lambda data: inflate(data, MEGABYTE), lambda n: gzip.compress(bytes(n * 100), 1)),
    ("form: nearly a boundary", read_form, lambda n: _part(fill_bytes(b"\r\n--")(n))),
    ("form: many parts", read_form, lambda n: fill_bytes(_part(b"", end=b""))(n) + b"--b--"),
    ("form: parameters of a part", read_form, lambda n: _part(b"", more=b';a="\\"' * 1000)),
    ("range", lambda text: read_range(text, 10), lambda n: "bytes=" + "9" * n + "-"),
    ("page number", lambda text: paging._whole(_Query(text), "page", 1), lambda n: "9" * n),  # type: ignore[arg-type]
    ("pattern of artifacts", lambda text: branches.matches(["*a" * 2000 + "b"], text), lambda n: "a" * n),
    ("condition: a group repeated", lambda text: search("/(a|a)*b/", text), lambda n: "a" * n),
    ("condition: alternatives in a row", lambda text: search(f"/{'(a|aa)' * 60}b/", text), lambda n: "a" * n),
    ("condition: optional letters", lambda text: search(f"/{'a?' * 60}{'a' * 60}/", text), lambda n: "a" * n),
    ("condition: one repetition", lambda text: search("/a*b/", text), lambda n: "a" * n),
    ("condition: wide ranges", lambda text: search(text, "a"), lambda n: "/" + "[\0-\U0010ffff]" * 1000 + "/i"),
    ("condition: brackets", lambda text: evaluate(text, {}), fill("(")),
    ("upload: steps that wait for all others", upload, chain),
    ("upload: one dependency many times", upload, same_dependency),
    ("upload: slow conditions", upload, lambda n: steps(n, lambda _: {"command": "x", "if": "build.message =~ /a*b/"})),
    ("upload: parallel copies", upload, lambda n: {"steps": [{"command": "x" * n, "parallelism": 500}]}),
    ("upload: a matrix value many times", upload,
     lambda n: {"steps": [{"command": "{{matrix}}" * (n // 20), "matrix": ["x" * (n // 2)]}]}),
    ("upload: groups", upload,
     lambda n: {"steps": [{"group": "g", "steps": [{"command": "x"}], "key": f"g{i}"} for i in range(400)]}),
    ("log: ordinary", show_log, fill_bytes(b"\x1b_bk;t=1700000000000\x07compile \x1b[32mok\x1b[0m file.c\r\n")),
    ("log: empty lines", show_log, fill_bytes(b"\n")),
    ("log: one line", show_log, fill_bytes(b"x")),
    ("log: groups", show_log, fill_bytes(b"--- a\n")),
    ("log: a colour a letter", show_log, fill_bytes(b"\x1b[31ma\x1b[1mb")),
    ("log: a full row written again", show_log, fill_bytes(b"\r\x1b[31ma\x1b[32mb" + b"\x1b[1mx\x1b[0my" * 80)),
    ("log: erase the window", show_log, fill_bytes(b"x\n" + b"\x1b[J\x1b[1J" * 100)),
    ("log: letters of a command", show_log, lambda n: b"\x1b]1339;" + b"a" * n + b"\x07"),
    ("log: quotes of a command", show_log, lambda n: b"\x1b]1339;" + b'a="\\' * (n // 4) + b"\x07"),
    ("log: a command without end", show_log, lambda n: b"\x1b]" + b"a" * n),
    ("log: sequences without end", show_log, fill_bytes(b"\x1b[\x1b]\x1b_")),
    ("log: a long link on each line", show_log, lambda n: LINK + b"a\n" * (n // 2)),
    ("log: a long link saved", show_log, lambda n: LINK + b"\x1b7" + b"\x1b8a\n" * (n // 4)),
    ("names of emoji", with_emoji, fill(":a")),
)  # fmt: skip


class _Query:
    def __init__(self, text: str) -> None:
        self.text = text

    def value(self, name: str) -> str:
        return self.text


def _part(content: bytes, more: bytes = b"", end: bytes = b"--") -> bytes:
    head = b'--b\r\nContent-Disposition: form-data; name="file"' + more
    return head + b"\r\n\r\n" + content + b"\r\n" + (b"--b" + end if end else b"")


def search(pattern: str, text: str) -> object:
    with regex.limit_time(CONDITIONS_S):
        return evaluate(f"build.message =~ {pattern}", {"build.message": text})


def measure(parse: Callable[[Any], object], given: Any) -> Tuple[float, str]:
    """Return the CPU seconds of this process and its children, and what became of the input."""
    before = sum(os.times()[:4]) if hasattr(os, "times") else time.process_time()
    try:
        parse(given)
        end = "read"
    except (AgentError, ValueError) as problem:
        end = f"refused: {problem}"
    return sum(os.times()[:4]) - before, end


def size_of(given: Any) -> int:
    return len(given) if isinstance(given, (bytes, str)) else len(json.dumps(given))


def main(words: List[str]) -> None:
    ordinary_s = 0.0
    print(f"{'input':42} {'MB':>6} {'CPU s/MB':>9} {'ratio':>7} {'x2':>5}  what became of it")
    for name, parse, make in ROWS:
        is_base = name == "JSON: ordinary"
        if words and not is_base and not any(word in name for word in words):
            continue
        size = 4 * MEGABYTE if is_base else MEGABYTE
        small, large = make(size // 2), make(size)
        half_s = measure(parse, small)[0]
        spent_s, end = measure(parse, large)
        rate = spent_s / (size_of(large) / MEGABYTE)
        ordinary_s = rate if is_base else ordinary_s
        growth = f"{spent_s / half_s:5.1f}" if half_s > 0.05 and size_of(large) > 1.5 * size_of(small) else "    -"
        ratio = rate / ordinary_s if ordinary_s else 0.0
        megabytes = size_of(large) / MEGABYTE
        became = "".join(letter if letter.isprintable() else "?" for letter in end[:70])
        print(f"{name:42} {megabytes:6.2f} {rate:9.3f} {ratio:7.1f} {growth}  {became}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
