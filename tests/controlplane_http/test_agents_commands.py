"""`bkagent agents` against `bkagent server` and the hosted REST API: lists, actions, and a list that is kept."""

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import urllib.request
from pathlib import Path
from typing import Any, Callable, Iterator, List, Mapping, Sequence, Tuple

import pytest

from bkagent.remote.rest import rate_limits
from bkagent.transport.client.response import Headers
from tests.fakes.conditions import until
from tests.fakes.hosted_agents import AGENTS, TOKEN, HostedAgents, agent
from tests.fakes.scripted_server import Answer, Raw

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
WAIT_S = 30.0
TAKEN, GIVEN_BACK = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
Agents = Callable[..., "subprocess.CompletedProcess[str]"]


def environment(home: Path, **more: str) -> "dict[str, str]":
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": TOP,
        "LANG": "C.UTF-8",
        "TERM": "xterm",
        **more,
    }


def bkagent(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "bkagent", *words]
    return subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S, cwd=str(home),
        env=environment(home),
    )  # fmt: skip


class Watch:
    """A command that goes on; `said` and `told` are what it has written to its two streams."""

    def __init__(self, home: Path, *words: str, size: Tuple[int, int] = (0, 0)) -> None:
        self._texts = {"out": "", "err": ""}
        self.terminal, out = -1, subprocess.PIPE
        if size != (0, 0):
            self.terminal, out = pty.openpty()
            self.resize(size)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bkagent", *words], cwd=str(home), env=environment(home), stdout=out,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert self.process.stderr is not None
        reading = self.terminal
        if self.terminal >= 0:
            os.close(out)
        else:
            assert self.process.stdout is not None
            reading = self.process.stdout.fileno()
        self._readers = [self._read("out", reading), self._read("err", self.process.stderr.fileno())]

    def _read(self, name: str, descriptor: int) -> threading.Thread:
        def read() -> None:
            while True:
                try:
                    block = os.read(descriptor, 65536)
                except OSError:  # a terminal whose other side is closed
                    return
                if not block:
                    return
                self._texts[name] += block.decode()

        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        return thread

    @property
    def said(self) -> str:
        return self._texts["out"]

    @property
    def told(self) -> str:
        return self._texts["err"]

    @property
    def frames(self) -> List[List[str]]:
        """What a terminal showed, one list of lines after the other."""
        shown = self.said.partition(GIVEN_BACK)[0].split("\x1b[H")[1:]
        return [
            [line.rstrip("\r") for line in frame.partition("\x1b[J")[0].replace("\x1b[K", "").split("\n")]
            for frame in shown if "\x1b[J" in frame
        ]  # fmt: skip

    def resize(self, size: Tuple[int, int]) -> None:
        columns, lines = size
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def end(self, number: int = signal.SIGINT) -> int:
        self.process.send_signal(number)
        status = self.process.wait(WAIT_S)
        for reader in self._readers:
            reader.join(WAIT_S)
        return status

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        if self.terminal >= 0:
            os.close(self.terminal)


@pytest.fixture
def watch(tmp_path: Path) -> Iterator[Callable[..., Watch]]:
    """Yield a function that starts a list which is kept."""
    running: List[Watch] = []

    def start(where: Sequence[str], *words: str, size: Tuple[int, int] = (0, 0)) -> Watch:
        running.append(Watch(tmp_path, "agents", "list", "--watch", *words, *where, size=size))
        return running[-1]

    yield start
    for each in running:
        each.close()


def hosted_words(hosted: HostedAgents) -> Sequence[str]:
    return ("--endpoint", hosted.url, "--token", TOKEN)


@pytest.fixture
def hosted() -> Iterator[HostedAgents]:
    with HostedAgents("one", "two", "two") as server:
        yield server


class Served:
    """A running `bkagent server` on a data folder."""

    def __init__(self, home: Path) -> None:
        self.words = ("--data", str(home / "data"))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bkagent", "server", *self.words, "--listen", "127.0.0.1:0"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, cwd=str(home), env=environment(home),
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url, self.token_path = (self.process.stdout.readline().strip() for _ in range(2))

    def add(self, *names: str) -> None:
        """Register agents and connect them."""
        token = Path(self.token_path).read_text().strip()
        for name in names:
            document = {"name": name, "hostname": "h\x1b", "meta_data": ["queue=q"], "version": "3.138.3"}
            session = self._call("/v3/register", token, document)
            self._call("/v3/connect", session["access_token"], {})

    def _call(self, path: str, token: str, document: Any) -> Any:
        headers = {"Authorization": "Token " + token}
        request = urllib.request.Request(self.url + path, json.dumps(document).encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=WAIT_S) as answer:
            return json.loads(answer.read())

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path)
    yield server
    server.end()


@pytest.fixture(params=["served", "hosted"])
def agents(request: pytest.FixtureRequest, tmp_path: Path) -> Agents:
    """Return a function that runs a command on agents "one", "two" and "two" of one kind of server."""
    server = request.getfixturevalue(request.param)
    if isinstance(server, Served):
        server.add("two", "two", "one")  # which lists the newest first
    where = server.words if isinstance(server, Served) else hosted_words(server)
    return lambda *words: bkagent(tmp_path, "agents", *words, *where)


def test_agents_are_listed_paused_resumed_and_stopped(agents: Agents) -> None:
    heads, *rows = agents("list").stdout.splitlines()
    assert heads.split()[:3] == ["NAME", "STATE", "JOB"] and len(rows) == 3 and "\x1b" not in "".join(rows)
    for words, count in (
        (("--name", "one", "--agent-version", "3.138.3"), 1), (("--hostname", "h\x1b"), 3),
        (("--agent-version", "1"), 0),
    ):  # fmt: skip
        assert len(agents("list", *words).stdout.splitlines()) == 1 + count, words
    assert [form["name"] for form in json.loads(agents("list", "--json").stdout)] == ["one", "two", "two"]
    assert agents("pause", "one", "--note", "new disk").returncode == 0
    assert "PAUSED:     new disk" in agents("get", "one").stdout
    assert json.loads(agents("get", "one", "--json").stdout)["paused"] is True
    assert "Agent is already paused" in agents("pause", "one").stderr
    assert agents("resume", "one").returncode == 0
    assert "Agent is not paused" in agents("resume", "one").stderr
    assert "several agents have the name two" in agents("stop", "two").stderr
    two = rows[-1].split()[-1]
    stopped = agents("stop", two)
    assert (stopped.returncode, stopped.stdout, stopped.stderr) == (0, "", "")
    assert "STATE:      stopping" in agents("get", two).stdout
    assert "Can only stop connected agents" in agents("stop", two).stderr
    assert "no agent three found" in agents("get", "three").stderr
    assert "No agent found" in agents("get", "00000000-0000-4000-8000-000000000000").stderr
    assert agents("pause", "one", "--timeout-in-minutes", "0").returncode == 1


@pytest.mark.parametrize("action", ["get", "stop"])
def test_an_agent_must_be_named(tmp_path: Path, action: str) -> None:
    refused = bkagent(tmp_path, "agents", action, "--token", "x")
    assert refused.returncode == 1 and refused.stderr.startswith("Missing AGENT."), refused.stderr


def test_what_a_list_needs(served: Served, tmp_path: Path) -> None:
    assert "set --token" in bkagent(tmp_path, "agents", "list").stderr
    assert "no server runs on the data folder" in bkagent(tmp_path, "agents", "list", "--data", "nowhere").stderr
    create = ("server", "token", "create", *served.words, "--name", "n", "--owner", "A", "--scopes")
    reader = bkagent(tmp_path, *create, "read_agents").stdout.strip()
    where = ("--endpoint", served.url, "--token", reader)
    assert "name the organization with --organization" in bkagent(tmp_path, "agents", "list", *where).stderr
    assert bkagent(tmp_path, "agents", "list", *where, "--organization", "local").returncode == 0
    other = bkagent(tmp_path, *create, "read_user").stdout.strip()
    refused = bkagent(tmp_path, "agents", "list", *served.words, "--token", other, "--organization", "local")
    assert "doesn't have the read_agents scope" in refused.stderr


def test_every_page_of_a_long_list_is_read(tmp_path: Path) -> None:
    with HostedAgents(*(f"a{number}" for number in range(250))) as hosted:
        done = bkagent(tmp_path, "agents", "list", *hosted_words(hosted))
        assert len(done.stdout.splitlines()) == 251 and hosted.lines.count(f"GET {AGENTS}") == 3


def test_a_request_over_the_rate_limit_is_sent_again(hosted: HostedAgents, tmp_path: Path) -> None:
    hosted.answers += [Answer(429, {"message": "slow down"}, headers={"RateLimit-Reset": "0"}), Answer(429)]
    done = bkagent(tmp_path, "agents", "stop", "one", *hosted_words(hosted))
    assert done.returncode == 0 and done.stderr.count("the rate limit of") == 2
    hosted.answers.append(Answer(429, {"message": "slow down"}, headers={"Retry-After": "500"}))
    done = bkagent(tmp_path, "agents", "list", *hosted_words(hosted))
    assert done.returncode == 1 and "429 Too Many Requests: slow down" in done.stderr


@pytest.mark.parametrize(
    ("headers", "requests_count", "pause_s"),
    [
        ({}, 1, 0),
        ({"RateLimit-Remaining": "60", "RateLimit-Reset": "30"}, 1, 1),
        ({"RateLimit-Remaining": "60", "RateLimit-Reset": "30"}, 3, 3),
        ({"RateLimit-Remaining": "1", "RateLimit-Reset": "30"}, 3, 30),
        ({"RateLimit-Remaining": "0", "RateLimit-Reset": "30"}, 1, 30),
        ({"RateLimit-Remaining": "60", "RateLimit-Reset": "30", "RateLimit-User-Remaining": "0",
          "RateLimit-User-Reset": "50"}, 1, 50),
        ({"RateLimit-Remaining": "x", "RateLimit-Reset": "-1"}, 1, 0),
        ({"RateLimit-Remaining": "nan", "RateLimit-Reset": "inf"}, 1, 0),
    ],
)  # fmt: skip
def test_a_share_of_the_requests_that_are_left_is_used(
    headers: Mapping[str, str], requests_count: int, pause_s: float
) -> None:
    assert rate_limits.pace_s(Headers(headers.items()), requests_count) == pause_s


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({"Retry-After": "7", "RateLimit-Reset": "30"}, 7),
        ({"RateLimit-Reset": "30"}, 30),
        ({"RateLimit-Reset": "30", "RateLimit-Remaining": "5", "RateLimit-User-Reset": "9",
          "RateLimit-User-Remaining": "0"}, 9),
        ({}, 1),
    ],
)  # fmt: skip
def test_a_refusal_says_how_long_to_wait(headers: Mapping[str, str], wait_s: float) -> None:
    assert rate_limits.wait_s(Headers(headers.items())) == wait_s


def test_a_kept_list_writes_what_changes(hosted: HostedAgents, watch: Callable[..., Watch]) -> None:
    kept = watch(hosted_words(hosted))
    until(lambda: kept.said.count("\n") == 4)
    hosted.agents[0].update(job={"id": "j", "name": "tests"}, connection_state="stopping")
    hosted.answers += [Answer(503), Raw(reset=True)]
    hosted.agents.append(agent("six"))
    until(lambda: kept.said.count("\n") == 6)
    heads, *_, changed, new = kept.said.splitlines()
    assert changed.split()[:4] == ["one", "stopping", "tests", "q"] and new.split()[:2] == ["six", "connected"]
    assert new.index("connected") == heads.index("STATE")
    until(lambda: "answers again" in kept.told)  # by another stream than the list
    assert kept.told.count("trying until there is an answer") == 1
    hosted.agents[0]["connection_state"] = "stopped"
    until(lambda: kept.said.count("\n") == 7)
    assert kept.said.splitlines()[-1].split()[:3] == ["one", "gone", "-"]
    assert kept.end() == 130 and "\x1b" not in kept.said and "Traceback" not in kept.told


def test_a_kept_list_of_json_is_a_line_for_each_change(hosted: HostedAgents, watch: Callable[..., Watch]) -> None:
    kept = watch(hosted_words(hosted), "--json")
    until(lambda: "\n" in kept.said)
    hosted.agents[0]["paused"] = True
    until(lambda: kept.said.count("\n") == 2)
    lists = [json.loads(line) for line in kept.said.splitlines()]
    assert [forms[0]["paused"] for forms in lists] == [False, True] and len(lists[0]) == 3


def test_a_kept_list_survives_a_restart_of_the_server(
    served: Served, watch: Callable[..., Watch], tmp_path: Path
) -> None:
    served.add("one")
    kept = watch(served.words)
    until(lambda: "one" in kept.said)
    served.end()
    until(lambda: "trying until" in kept.told)
    again = Served(tmp_path)  # at another port
    try:
        again.add("two")
        until(lambda: "two" in kept.said)
    finally:
        again.end()


@pytest.mark.parametrize("answer", [Answer(401, {"message": "no"}), Answer(503)])
def test_a_list_that_cannot_begin_is_an_error(hosted: HostedAgents, tmp_path: Path, answer: Answer) -> None:
    hosted.answers.append(answer)
    done = bkagent(tmp_path, "agents", "list", "--watch", *hosted_words(hosted))
    assert done.returncode == 1 and str(answer.status) in done.stderr and done.stdout == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_terminal_is_repainted_and_given_back(hosted: HostedAgents, watch: Callable[..., Watch], number: int) -> None:
    hosted.agents += [agent(f"\U0001f680 {number}") for number in range(20)]
    kept = watch(hosted_words(hosted), size=(52, 10))
    until(lambda: kept.frames)
    first = kept.frames[0]
    assert len(first) == 10 and first[0].split() == ["NAME", "STATE", "JOB", "QUEUE", "HOST", "VERSION"]
    assert first[7] == "and 17 more" and first[8] == "" and first[9].startswith("23 agents at ")
    if number == signal.SIGINT:
        for answer, note in (
            (Answer(429, headers={"Retry-After": "1"}), "the rate limit of"),
            (Answer(503, {"message": "and this sentence is longer than the screen"}), "503 Service Unavailable"),
        ):
            hosted.answers.append(answer)
            until(lambda note=note: note in " ".join(kept.frames[-1][-3:]))
        kept.resize((30, 30))
        until(lambda: len(kept.frames[-1]) == 27 and kept.frames[-1][-2].startswith("23 agents at "))
        assert kept.frames[-1][0].split() == ["NAME", "STATE", "JOB", "QUEUE"]
        assert all(len(line) <= 30 for line in kept.frames[-1])
    assert kept.end(number) == (130 if number == signal.SIGINT else 128 + number)
    before, given_back, after = kept.said.partition(GIVEN_BACK)
    assert before.startswith(TAKEN) and before.count(TAKEN) == 1 and given_back
    assert len(after.splitlines()) == 24 and "\x1b" not in after and kept.told == ""
    assert re.search(r"^one +connected .* [0-9a-f-]{36}\s*$", after, re.MULTILINE)
