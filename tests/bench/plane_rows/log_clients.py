"""Agents that only send logs: `python3 log_clients.py JSON` sends the same text for each of some jobs, side by side.

Prints the seconds from the first chunk to the last answer, of the clock and of this process's CPU, and what failed.
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
import zlib
from typing import Any, Dict, List, Tuple

DISTINCT = 16  # chunks that differ
WORDS = (
    "compile", "link", "test", "/src/module/file_{0}.c:{1}:", "warning:", "unused variable", "in function", "ok",
    "PASS", "FAIL", "[{1}/{0}]", "0.{0}s", "sha256:{2}", "--- running", "at com.example.Widget.render(Widget.java:{1})",
)  # fmt: skip


def log_texts(size: int) -> List[bytes]:
    """Return chunks of as many bytes each: build-like output with time codes and some colour."""
    return [_log_text(size, random.Random(seed)) for seed in range(DISTINCT)]


def _log_text(size: int, chance: random.Random) -> bytes:
    lines, length = [], 0
    while length < size:
        numbers = chance.randrange(500), chance.randrange(2000), f"{chance.getrandbits(128):032x}"
        words = " ".join(chance.choice(WORDS).format(*numbers) for _ in range(chance.randrange(3, 12)))
        if chance.random() < 0.2:
            words = f"\x1b[3{chance.randrange(1, 7)}m{words}\x1b[0m"
        lines.append(f"\x1b_bk;t={1_700_000_000_000 + length}\x07{words}\r\n".encode())
        length += len(lines[-1])
    return b"".join(lines)[:size]


def gzipped(text: bytes) -> bytes:
    """Return the text as an agent sends it."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(text) + packer.flush()


def send_all(host: str, port: int, jobs: List[Tuple[str, str]], size: int, first: int, count: int) -> Dict[str, Any]:
    """Send `count` chunks from chunk `first` on of the log of each job, given as its id and its token."""
    bodies = [gzipped(text) for text in log_texts(size)]
    failures: List[str] = []

    def send(job_id: str, token: str) -> None:
        client = socket.create_connection((host, port))
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(first, first + count):
            body = bodies[number % DISTINCT]
            query = f"sequence={number + 1}&offset={number * size}&size={size}"
            head = (
                f"POST /v3/jobs/{job_id}/chunks?{query} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Token {token}\r\n"
                f"Content-Type: text/plain\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            client.sendall(head.encode() + body)
            answer = b""
            while not answer.endswith(b"{}\n"):
                block = client.recv(65536)
                answer += block
                if not block:
                    break
            if not answer.startswith(b"HTTP/1.1 201"):
                failures.append(repr(answer))
                return
        client.close()

    threads = [threading.Thread(target=send, args=tuple(job)) for job in jobs]
    began, cpu_began_s = time.perf_counter(), time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return {
        "wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu_began_s, "failures": failures
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(send_all(**json.loads(sys.argv[1]))))
