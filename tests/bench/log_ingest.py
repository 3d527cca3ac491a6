"""How fast `bkagent server` takes logs: the chunks of many jobs side by side, gzipped, acknowledged after the write.

    python3 tests/bench/log_ingest.py [MEGABYTES [JOBS]]

The server and its clients are a process each, over HTTP on loopback with connections that stay open. Prints for chunks
of several sizes: MB/s of log text, the server's CPU seconds per GB, its memory before and after, and all of that as a
ratio to one thread that does nothing but inflate the same chunks with zlib and write them with os.pwrite, in the same
run. Linux only, as it reads /proc. Asserts that the logs are whole, and no times.
"""

import hashlib
import http.client
import json
import multiprocessing
import os
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
import zlib
from typing import Any, List, NamedTuple, Tuple

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CHUNK_SIZES = (100_000, 300_000, 512_000)
DISTINCT = 16  # chunks that differ
WORDS = (
    "compile", "link", "test", "/src/module/file_{0}.c:{1}:", "warning:", "unused variable", "in function", "ok",
    "PASS", "FAIL", "[{1}/{0}]", "0.{0}s", "sha256:{2}", "--- running", "at com.example.Widget.render(Widget.java:{1})",
)  # fmt: skip


class Target(NamedTuple):
    """A job that takes a log: where to, with which token."""

    job_id: str
    token: str


class Ingest(NamedTuple):
    """What one run has cost. Megabytes are millions of bytes of log text."""

    mb: float
    wall_s: float
    server_cpu_s: float
    client_cpu_s: float
    rss_before_kib: int
    rss_after_kib: int


def log_text(size: int, seed: int) -> bytes:
    """Return as many bytes of build-like output, with time codes and some colour."""
    chance, lines, length = random.Random(seed), [], 0
    while length < size:
        words = " ".join(
            chance.choice(WORDS).format(
                chance.randrange(500), chance.randrange(2000), f"{chance.getrandbits(128):032x}"
            )
            for _ in range(chance.randrange(3, 12))
        )
        if chance.random() < 0.2:
            words = f"\x1b[3{chance.randrange(1, 7)}m{words}\x1b[0m"
        line = f"\x1b_bk;t={1_700_000_000_000 + length}\x07{words}\r\n".encode()
        lines.append(line)
        length += len(line)
    return b"".join(lines)[:size]


def gzipped(text: bytes) -> bytes:
    """Return the text as an agent sends it."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    return packer.compress(text) + packer.flush()


class Server:
    """A server process from this checkout in a folder of its own."""

    def __init__(self, folder: str) -> None:
        words = [sys.executable, "-m", "bkagent", "server", "--data", os.path.join(folder, "data")]
        self._process = subprocess.Popen(
            [*words, "--listen", "127.0.0.1:0"], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        url, agent_path, api_path = (self._process.stdout.readline().strip() for _ in range(3))
        self.host, _, port = url.rpartition("/")[2].partition(":")
        self.port = int(port)
        self.tokens = {}
        for name, path in (("agent", agent_path), ("api", api_path)):
            with open(path, encoding="ascii") as file:
                self.tokens[name] = file.read().strip()
        self.connection = http.client.HTTPConnection(self.host, self.port, timeout=60)

    def call(self, method: str, path: str, token: str, document: Any = None) -> Any:
        """Return the document of an answer."""
        scheme = "Bearer" if path.startswith("/v2") else "Token"
        body = json.dumps(document) if document is not None else None
        self.connection.request(method, path, body, {"Authorization": f"{scheme} {token}"})
        answer = self.connection.getresponse()
        content = answer.read()
        assert answer.status < 300, (method, path, answer.status, content)
        return json.loads(content) if content else None

    def running_jobs(self, count: int) -> List[Target]:
        """Return jobs of a new build, each of which an agent of its own has started."""
        step = {"command": "true", "parallelism": count}
        document = {"branch": "main", "commit": "HEAD", "repository": "/r.git", "pipeline": {"steps": [step]}}
        path = "/v2/organizations/local/pipelines/bench/builds"
        build = self.call("POST", path, self.tokens["api"], document)
        targets = []
        for number, job in enumerate(build["jobs"]):
            agent = {
                "name": f"a{number}",
                "hostname": "h",
                "os": "linux",
                "arch": "amd64",
                "version": "3",
                "build": "x",
            }
            session = self.call("POST", "/v3/register", self.tokens["agent"], agent)["access_token"]
            self.call("POST", "/v3/connect", session)
            token = self.call("PUT", f"/v3/jobs/{job['id']}/acquire", session)["token"]
            self.call("PUT", f"/v3/jobs/{job['id']}/start", token, {"started_at": "2026-01-01T00:00:00Z"})
            targets.append(Target(job["id"], token))
        return targets

    def cpu_s(self) -> float:
        """Return the CPU seconds of the process so far."""
        with open(f"/proc/{self._process.pid}/stat", encoding="ascii") as file:
            fields = file.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_kib(self) -> int:
        """Return the memory of the process."""
        with open(f"/proc/{self._process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def log_path(self, folder: str, target: Target) -> str:
        """Return the file of a job's log."""
        return os.path.join(folder, "data", "logs", f"{target.job_id}.log")

    def stop(self) -> None:
        """End the process."""
        self._process.terminate()
        self._process.wait()


def send_log(
    address: Tuple[str, int],
    target: Target,
    bodies: List[bytes],
    size: int,
    first: int,
    count: int,
    failures: List[str],
) -> None:
    """Send `count` chunks of a job's log from `first` on over one connection, each after the answer to the last."""
    client = socket.create_connection(address)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for number in range(first, first + count):
        body = bodies[number % len(bodies)]
        query = f"sequence={number + 1}&offset={number * size}&size={size}"
        head = (
            f"POST /v3/jobs/{target.job_id}/chunks?{query} HTTP/1.1\r\n"
            f"Host: {address[0]}\r\nAuthorization: Token {target.token}\r\nContent-Type: text/plain\r\n"
            f"Content-Encoding: gzip\r\nContent-Length: {len(body)}\r\nUser-Agent: bench\r\n\r\n"
        )
        client.sendall(head.encode() + body)
        answer = b""
        while not answer.endswith(b"{}\n"):
            block = client.recv(65536)
            if not block:
                break
            answer += block
        if not answer.startswith(b"HTTP/1.1 201"):
            failures.append(repr(answer))
            return
    client.close()


def clients(
    pipe: Any, address: Tuple[str, int], targets: List[Target], texts: List[bytes], size: int, each: int
) -> None:
    """Be the process of the clients: a thread a job."""
    bodies, first = [gzipped(text) for text in texts], 0
    pipe.send(sum(map(len, bodies)))
    while True:
        count = pipe.recv()
        if not count:
            return
        failures: List[str] = []
        threads = [
            threading.Thread(target=send_log, args=(address, target, bodies, size, first, count, failures))
            for target in targets
        ]
        began, cpu_began_s = time.perf_counter(), time.process_time()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        pipe.send((time.perf_counter() - began, time.process_time() - cpu_began_s, failures))
        first += count


def measure(server: Server, folder: str, size: int, jobs_count: int, megabytes: int) -> Ingest:
    """Send so much in chunks of this size; check the files."""
    targets = server.running_jobs(jobs_count)
    texts = [log_text(size, seed) for seed in range(DISTINCT)]
    each = max(1, megabytes * 1_000_000 // size // jobs_count)
    pipe, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(
        target=clients, args=(theirs, (server.host, server.port), targets, texts, size, each)
    )
    process.start()
    pipe.recv()
    warm = max(1, each // 20)
    pipe.send(warm)
    assert not pipe.recv()[2]
    before = server.cpu_s(), server.rss_kib()
    pipe.send(each)
    wall_s, client_cpu_s, failures = pipe.recv()
    after = server.cpu_s(), server.rss_kib()
    pipe.send(0)
    process.join()
    assert not failures, failures
    expected = hashlib.sha256(b"".join(texts[number % DISTINCT] for number in range(warm + each))).hexdigest()
    for target in targets:
        with open(server.log_path(folder, target), "rb") as file:
            assert hashlib.sha256(file.read()).hexdigest() == expected
        os.unlink(server.log_path(folder, target))
    return Ingest(each * size * jobs_count / 1e6, wall_s, after[0] - before[0], client_cpu_s, before[1], after[1])


def bare(folder: str, size: int, megabytes: int) -> Tuple[float, float]:
    """Return the wall and CPU seconds of one thread that inflates and writes so much, nothing else."""
    bodies = [gzipped(log_text(size, seed)) for seed in range(DISTINCT)]
    descriptor = os.open(os.path.join(folder, "bare"), os.O_RDWR | os.O_CREAT, 0o600)
    began, cpu_began_s = time.perf_counter(), time.process_time()
    for number in range(megabytes * 1_000_000 // size):
        os.pwrite(descriptor, zlib.decompress(bodies[number % DISTINCT], 31, size), number * size)
    spent = time.perf_counter() - began, time.process_time() - cpu_began_s
    os.close(descriptor)
    os.unlink(os.path.join(folder, "bare"))
    return spent


def main() -> None:
    """Print a row for each size of chunks."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    jobs_count = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    print(f"{megabytes} MB of log text, {jobs_count} jobs side by side")
    print("chunk      MB/s   ratio   CPU s/GB   ratio   RSS before  after MiB")
    for size in CHUNK_SIZES:
        with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_TMP")) as folder:
            server = Server(folder)
            try:
                ingest = measure(server, folder, size, jobs_count, megabytes)
            finally:
                server.stop()
            wall_s, cpu_s = bare(folder, size, megabytes)
        rate, bare_rate = ingest.mb / ingest.wall_s, megabytes / wall_s
        cpu_per_gb, bare_per_gb = ingest.server_cpu_s / ingest.mb * 1000, cpu_s / megabytes * 1000
        print(
            f"{size:>7}  {rate:7.1f}  {rate / bare_rate:6.2f}  {cpu_per_gb:9.2f}  {cpu_per_gb / bare_per_gb:6.2f}"
            f"   {ingest.rss_before_kib / 1024:9.1f}  {ingest.rss_after_kib / 1024:6.1f}   (bare {bare_rate:.0f} MB/s,"
            f" {bare_per_gb:.2f} s/GB; clients {ingest.client_cpu_s / ingest.mb * 1000:.2f} s/GB)"
        )


if __name__ == "__main__":
    main()
