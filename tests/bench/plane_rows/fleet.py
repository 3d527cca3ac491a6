"""Simulated agents on plain sockets, all in one thread: `python3 fleet.py ROLE JSON` prints what a role returns."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import sys
import time
import uuid
from datetime import datetime
from typing import Any, Awaitable, Callable, Dict, List, Optional, Tuple
from urllib.parse import urlsplit

ANSWER_S = 60.0
OPENING_COUNT = 64  # as many agents register at a time
LOG = b"a line of the log of a job\n" * 40
UPLOADED_COUNT = 500  # jobs of one upload, at most


class Wire(asyncio.Protocol):
    """One connection; one request at a time."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.closed = False
        self._buffer = bytearray()
        self._answer: "Optional[asyncio.Future[Tuple[int, bytes]]]" = None

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).decode("latin-1").lower()
        length = int(head.partition("content-length:")[2].partition("\r\n")[0] or 0)
        if len(self._buffer) < end + 4 + length:
            return
        body = bytes(self._buffer[end + 4 : end + 4 + length])
        del self._buffer[: end + 4 + length]
        if "connection: close" in head:
            self.closed = True
            self.transport.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result((int(head.split(" ", 2)[1]), body))

    def connection_lost(self, problem: Optional[Exception]) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(problem or ConnectionResetError("closed without an answer"))

    async def ask(self, data: bytes) -> Tuple[int, bytes]:
        """Send a request; return status and body. Raises OSError."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(data)
        return await asyncio.wait_for(self._answer, ANSWER_S)


class Client:
    """Requests of one token on one connection, which is opened again when the server has closed it between two."""

    def __init__(self, url: str, token: str, scheme: str = "Token") -> None:
        parts = urlsplit(url)
        self._address, self._prefix = (parts.hostname, parts.port), parts.path
        self._head = f"Host: {parts.netloc}\r\nUser-Agent: buildkite-agent/3.137.0\r\nAuthorization: {scheme} {token}"
        self._wire: Optional[Wire] = None

    async def call(self, method: str, path: str, document: object = None, *, gzipped: bytes = b"") -> Any:
        """Return the document of the answer. Raises OSError, and ValueError for an error."""
        body = gzipped if document is None else json.dumps(document).encode()
        head = f"{self._head}\r\nContent-Encoding: gzip" if gzipped else self._head
        lines = f"{method} {self._prefix}{path} HTTP/1.1\r\n{head}\r\nContent-Length: {len(body)}\r\n\r\n"
        was_open = self._wire is not None and not self._wire.closed
        try:
            status, answer = await (await self._open()).ask(lines.encode() + body)
        except OSError:
            if not was_open:
                raise
            status, answer = await (await self._open()).ask(lines.encode() + body)
        if status not in (200, 201, 204):
            raise ValueError(f"{method} {path}: {status} {answer[:200]!r}")
        return json.loads(answer) if answer else None

    async def _open(self) -> Wire:
        if self._wire is None or self._wire.closed:
            loop = asyncio.get_running_loop()
            _, self._wire = await loop.create_connection(Wire, *self._address)
        return self._wire

    def close(self) -> None:
        """Close the connection."""
        if self._wire is not None and self._wire.transport is not None:
            self._wire.transport.close()


class Agent:
    """An agent's session; `client` has its token."""

    def __init__(self, url: str, registration_token: str, name: str) -> None:
        self._url, self._registration_token, self.name = url, registration_token, name
        self.ping_interval_s = self.heartbeat_interval_s = 0.0

    async def register(self, tags: Tuple[str, ...] = ()) -> None:
        """Begin the session."""
        client = Client(self._url, self._registration_token)
        document = {
            "name": self.name, "hostname": "host", "os": "linux", "arch": "amd64", "version": "3.137.0", "build": "x",
            "meta_data": list(tags),
        }  # fmt: skip
        answer = await client.call("POST", "/register", document)
        client.close()
        self.ping_interval_s, self.heartbeat_interval_s = answer["ping_interval"], answer["heartbeat_interval"]
        self.client = Client(self._url, answer["access_token"])
        await self.client.call("POST", "/connect")

    async def run(self, job_id: str, log: bytes = b"") -> Any:
        """Accept a job, start and end it; return what the accepted job says. `log` is sent as one chunk."""
        accepted = await self.client.call("PUT", f"/jobs/{job_id}/accept")
        await self.client.call("PUT", f"/jobs/{job_id}/start", {"started_at": "2026-01-01T00:00:00.123456789Z"})
        if log:
            path = f"/jobs/{job_id}/chunks?sequence=1&offset=0&size={len(log)}"
            await self.client.call("POST", path, gzipped=gzip.compress(log, 1))
        await self.client.call("PUT", f"/jobs/{job_id}/finish", {"exit_status": "0", "finished_at": ""})
        return accepted


async def new_fleet(url: str, token: str, count: int, problems: List[str]) -> List[Agent]:
    """Return agents that have registered, a few at a time."""
    agents = [Agent(url, token, f"agent-{number}") for number in range(count)]
    turns = asyncio.Semaphore(OPENING_COUNT)

    async def begin(agent: Agent) -> None:
        async with turns:
            await noting(problems, agent.register)

    await asyncio.gather(*map(begin, agents))
    return agents


async def noting(problems: List[str], work: Callable[[], Awaitable[Any]]) -> Any:
    """Return what `work` does, or note what is wrong and return None."""
    try:
        return await work()
    except (OSError, ValueError, asyncio.TimeoutError) as problem:
        problems.append(f"{type(problem).__name__}: {problem}")
        return None


async def ping(url: str, token: str, count: int, interval_s: float, seconds: float) -> Dict[str, Any]:
    """Let agents ping every `interval_s`, and send heartbeats as they are told. A ping may be held by the server."""
    problems: List[str] = []
    began = time.perf_counter()
    agents = await new_fleet(url, token, count, problems)
    registered_s = time.perf_counter() - began
    pings, heartbeats = [], []
    end = time.perf_counter() + seconds

    async def timed(times_s: List[float], agent: Agent, method: str, path: str) -> None:
        at = time.perf_counter()
        if await noting(problems, lambda: agent.client.call(method, path)) is not None:
            times_s.append(time.perf_counter() - at)

    async def live(agent: Agent) -> None:
        await asyncio.sleep(random.random() * interval_s)
        heartbeat_at = time.perf_counter() + random.random() * agent.heartbeat_interval_s
        while time.perf_counter() < end:
            next_at = time.perf_counter() + interval_s
            await timed(pings, agent, "GET", "/ping")
            if heartbeat_at < time.perf_counter():
                heartbeat_at += agent.heartbeat_interval_s
                await timed(heartbeats, agent, "POST", "/heartbeat")
            await asyncio.sleep(max(0.0, next_at - time.perf_counter()))

    cpu_s = time.process_time()
    await asyncio.gather(*[live(agent) for agent in agents])
    return {
        "problems": problems, "registered_s": registered_s, "pings_s": pings, "heartbeats_s": heartbeats,
        "client_cpu_s": time.process_time() - cpu_s,
    }  # fmt: skip


async def dispatch(
    url: str, token: str, rest_url: str, api_token: str, count: int, builds_per_s: float, seconds: float
) -> Dict[str, Any]:
    """Time from when a job can run until the ping of an idle agent brings it, and what a ping takes that finds jobs.

    First agents ping as they are told, all of them idle but for the few that have a job; then jobs wait, and agents
    ping one after another.
    """
    problems: List[str] = []
    agents = await new_fleet(url, token, count, problems)
    rest = Client(rest_url, api_token, "Bearer")
    held_s: List[float] = []
    polled_s: List[float] = []
    is_over = asyncio.Event()

    async def create() -> None:
        build = {"commit": "HEAD", "branch": "main", "pipeline": {"steps": [{"command": "true"}]}}
        await noting(problems, lambda: rest.call("POST", "/pipelines/demo/builds", build))

    async def live(agent: Agent) -> None:
        await asyncio.sleep(random.random() * agent.ping_interval_s)
        while not is_over.is_set():
            next_at = time.perf_counter() + agent.ping_interval_s
            answer = await noting(problems, lambda: agent.client.call("GET", "/ping"))
            answered_at = time.time()
            if answer and answer.get("job"):
                job_id = answer["job"]["id"]
                accepted = await noting(problems, lambda id=job_id: agent.run(id))  # type: ignore[misc]
                if accepted:
                    runnable_at = datetime.strptime(accepted["runnable_at"], "%Y-%m-%dT%H:%M:%S.%f%z").timestamp()
                    held_s.append(answered_at - runnable_at)
            else:
                await asyncio.sleep(max(0.0, next_at - time.perf_counter()))

    lives = [asyncio.ensure_future(live(agent)) for agent in agents]
    await asyncio.sleep(agents[0].ping_interval_s * 2)
    began = time.perf_counter()
    for number in range(int(builds_per_s * seconds)):
        await create()
        await asyncio.sleep(max(0.0, began + number / builds_per_s - time.perf_counter()))
    await asyncio.sleep(1.0)
    is_over.set()
    await asyncio.gather(*lives)
    for _ in agents[: min(count, 200)]:
        await create()
    for agent in agents[: min(count, 200)]:
        at = time.perf_counter()
        answer = await noting(problems, lambda agent=agent: agent.client.call("GET", "/ping"))  # type: ignore[misc]
        if answer and answer.get("job"):
            polled_s.append(time.perf_counter() - at)
            await noting(problems, lambda agent=agent, id=answer["job"]["id"]: agent.run(id))  # type: ignore[misc]
    return {"problems": problems, "held_s": held_s, "polled_s": polled_s, "created_count": number + 1}


async def build(
    url: str, token: str, rest_url: str, api_token: str, agents_count: int, jobs_count: int
) -> Dict[str, Any]:
    """Run one build of many jobs, which its first job uploads; each job prints a little."""
    problems: List[str] = []
    agents = await new_fleet(url, token, agents_count, problems)
    first = {"commit": "HEAD", "branch": "main", "pipeline": {"steps": [{"command": "upload", "key": "upload"}]}}
    await Client(rest_url, api_token, "Bearer").call("POST", "/pipelines/demo/builds", first)
    uploader = agents[0].client
    job_path = f"/jobs/{(await uploader.call('GET', '/ping'))['job']['id']}"
    await uploader.call("PUT", f"{job_path}/accept")
    await uploader.call("PUT", f"{job_path}/start", {"started_at": ""})
    began = time.perf_counter()
    steps = [{"command": "true", "key": f"k{number}", "depends_on": "upload"} for number in range(jobs_count)]
    for at in range(0, jobs_count, UPLOADED_COUNT):
        part = {"uuid": str(uuid.uuid4()), "pipeline": {"steps": steps[at : at + UPLOADED_COUNT]}}
        await uploader.call("POST", f"{job_path}/pipelines", part)
    uploaded_s = time.perf_counter() - began
    began_jobs: List[float] = []
    ended_jobs: List[float] = []

    async def live(agent: Agent) -> None:
        while len(ended_jobs) < jobs_count:
            answer = await noting(problems, lambda: agent.client.call("GET", "/ping"))
            if answer and answer.get("job"):
                job_id = answer["job"]["id"]
                began_jobs.append(time.perf_counter())
                await noting(problems, lambda id=job_id: agent.run(id, LOG))  # type: ignore[misc]
                ended_jobs.append(time.perf_counter())
            elif not answer:
                await asyncio.sleep(0.1)

    await uploader.call("PUT", f"{job_path}/finish", {"exit_status": "0", "finished_at": ""})
    cpu_s = time.process_time()
    lives = [asyncio.ensure_future(live(agent)) for agent in agents]
    while len(ended_jobs) < jobs_count:
        await asyncio.wait(lives, timeout=0.02)
    for life in lives:
        life.cancel()
    return {
        "problems": problems, "uploaded_s": uploaded_s, "took_s": max(ended_jobs) - min(began_jobs),
        "client_cpu_s": time.process_time() - cpu_s,
    }  # fmt: skip


async def bare() -> Dict[str, Any]:
    """Answer every request alike, until killed; prints the URL."""
    body = json.dumps(
        {"id": "x", "access_token": "x", "ping_interval": 1, "heartbeat_interval": 30, "action": "", "message": ""}
    ).encode()
    answer = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport = transport

        def data_received(self, data: bytes) -> None:
            self.transport.write(answer)

    server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0, backlog=1024)
    host, port = server.sockets[0].getsockname()
    print(f"http://{host}:{port}", flush=True)
    await server.serve_forever()
    return {}


ROLES: Dict[str, Callable[..., Awaitable[Dict[str, Any]]]] = {
    "ping": ping,
    "dispatch": dispatch,
    "build": build,
    "bare": bare,
}

if __name__ == "__main__":
    print(json.dumps(asyncio.run(ROLES[sys.argv[1]](**json.loads(sys.argv[2])))))  # type: ignore[arg-type]
