"""A log arrives whole though the processes that upload it are killed, at seeded moments, and answers are lost."""

import gzip
import os
import random
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl

import pytest

from bkagent.spool import directory
from bkagent.spool.manifest import JobManifest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

UPLOADER = """
import http.client, sys, threading
sys.path.insert(0, sys.argv[1])
from bkagent.errors import Unavailable, Unreachable
from bkagent.spool.agent_entry import AgentEntry
from bkagent.logs.upload.uploader import Uploader

def send(sequence, offset, size, body):
    try:
        connection = http.client.HTTPConnection("127.0.0.1", int(sys.argv[3]), timeout=20)
        connection.request("POST", f"/?sequence={sequence}&offset={offset}&size={size}", body)
        status = connection.getresponse().status
        connection.close()
    except (OSError, http.client.HTTPException) as problem:
        raise Unreachable(str(problem))
    if status != 200:
        raise Unavailable("no", status)

entry = AgentEntry(sys.argv[2])
assert entry.try_own()
uploader = Uploader(entry, send, lambda level, text, event: None)
uploader.run(threading.Event())
assert uploader.complete
"""

JOB = """
import random, sys, time
sys.path.insert(0, sys.argv[1])
from bkagent.spool.job_entry import attach
from bkagent.spool.result import Result
chance = random.Random(int(sys.argv[3]))
side = attach(sys.argv[2])
for _ in range(300):
    side.append(b"%032x" % chance.getrandbits(128) * chance.randrange(1, 20))
    time.sleep(chance.random() * 0.002)
side.finish(Result(0))
"""


class Sink(ThreadingHTTPServer):
    """Keeps chunks, and plays tricks at seeded requests: kills the uploader, loses the answer, or refuses for now."""

    daemon_threads = True

    def __init__(self, seed, kills):
        super().__init__(("127.0.0.1", 0), Handler)
        self.chance, self.kills = random.Random(seed), kills
        self.lock = threading.Lock()
        self.chunks, self.duplicates = {}, 0
        self.uploader = None
        self.until_kill = self.chance.randrange(1, 12)

    def trick(self):
        with self.lock:
            self.until_kill -= 1
            if self.kills and self.until_kill <= 0:
                self.kills -= 1
                self.until_kill = self.chance.randrange(1, 12)
                return self.chance.choice(["kill before", "kill after", "kill between"])
            return self.chance.choice([""] * 8 + ["busy", "lost"])

    def take(self, query, body):
        data = gzip.decompress(body)
        assert len(data) == int(query["size"])
        chunk = (int(query["offset"]), data)
        with self.lock:
            known = self.chunks.setdefault(int(query["sequence"]), chunk)
            self.duplicates += known is not chunk
            assert known == chunk, "a number was sent with other bytes"

    def log(self):
        at, pieces = 0, []
        for number, sequence in enumerate(sorted(self.chunks), 1):
            offset, data = self.chunks[sequence]
            assert (sequence, offset) == (number, at)
            pieces.append(data)
            at += len(data)
        return b"".join(pieces)


class Handler(BaseHTTPRequestHandler):
    """One chunk."""

    def do_POST(self):
        query = dict(parse_qsl(self.path.partition("?")[2]))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        trick = self.server.trick()
        if trick == "kill before":
            self.kill()
            return
        if trick != "busy":
            self.server.take(query, body)
        if trick == "kill between":
            self.kill()
        if trick in ("lost", "kill between"):
            return
        self.send_response(503 if trick == "busy" else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.flush()
        if trick == "kill after":
            self.kill()

    def kill(self):
        os.kill(self.server.uploader.pid, signal.SIGKILL)

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # its client was killed

    def log_message(self, *_words):
        pass


@pytest.fixture
def sink_for():
    made = []

    def make(seed, kills):
        sink = Sink(seed, kills)
        made.append(sink)
        threading.Thread(target=sink.serve_forever, daemon=True).start()
        return sink

    yield make
    for sink in made:
        sink.shutdown()
        sink.server_close()


def run(tmp_path, sink, seed, chunk_max_bytes):
    """Run a job and as many uploaders as get killed; return the entry."""
    job = JobManifest("job-1", "", "", chunk_max_bytes=chunk_max_bytes, chunk_interval_s=0.02)
    entry = directory.create(str(tmp_path / "spool"), job)
    entry.release()
    with subprocess.Popen([sys.executable, "-c", JOB, TOP, entry.folder, str(seed)]) as printing:
        for _ in range(40):
            arguments = [sys.executable, "-c", UPLOADER, TOP, entry.folder, str(sink.server_port)]
            with sink.lock:
                sink.uploader = subprocess.Popen(arguments)
            status = sink.uploader.wait(60)
            assert status in (0, -signal.SIGKILL)
            if status == 0:
                break
        assert printing.wait(60) == 0
    assert status == 0
    return entry


@pytest.mark.parametrize("seed", range(4))
def test_killed_uploaders_lose_nothing(tmp_path, sink_for, seed):
    sink = sink_for(seed, kills=5)
    entry = run(tmp_path, sink, seed, random.Random(seed).choice([512, 4096, 65536]))
    with open(entry.log_path, "rb") as log:
        assert sink.log() == log.read()
    assert entry.result().exit_status == 0
    assert sink.kills < 5, "no process was killed"


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(100, 140))
def test_killed_uploaders_lose_nothing_again_and_again(tmp_path, sink_for, seed):
    sink = sink_for(seed, kills=20)
    entry = run(tmp_path, sink, seed, random.Random(seed).choice([100, 512, 4096, 65536]))
    with open(entry.log_path, "rb") as log:
        assert sink.log() == log.read()
