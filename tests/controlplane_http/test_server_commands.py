"""`bkagent server` and `bkagent build create` as a user runs them: processes, their output, their exit status."""

import asyncio
import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import sys
import urllib.error
import urllib.request
from typing import Any, Iterator, List, Optional

import pytest

from tests.bench.plane_rows import fleet
from tests.fakes.scripted_server import Answer, ScriptedServer

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PIPELINE = "steps:\n  - label: $LABEL\n    command: echo hi\n"
WAIT_S = 30


def environment(home: str) -> "dict[str, str]":
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BUILDKITE")}
    return {**kept, "HOME": home, "PYTHONPATH": TOP}


def bkagent(home: Any, *words: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "bkagent", *words], input=stdin, capture_output=True, text=True, timeout=WAIT_S,
        cwd=str(home), env=environment(str(home)),
    )  # fmt: skip


class Served:
    """A running `bkagent server`."""

    def __init__(self, home: Any, data: str, *more: str) -> None:
        words = ["server", "--data", data, "--listen", "127.0.0.1:0", *more]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bkagent", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            cwd=str(home), env=environment(str(home)),
        )  # fmt: skip
        assert self.process.stdout is not None
        self.url, self.agent_token_path, self.api_token_path, self.login_url = (
            self.process.stdout.readline().strip() for _ in range(4)
        )

    def open(self, path: str) -> Any:
        """Ask for a page with the API token."""
        with open(self.api_token_path) as file:
            headers = {"Authorization": "Bearer " + file.read().strip()}
        return urllib.request.urlopen(urllib.request.Request(self.url + path, headers=headers), timeout=WAIT_S)

    def end(self, number: int = signal.SIGTERM) -> Optional[int]:
        self.process.send_signal(number)
        self.process.communicate(timeout=WAIT_S)
        return self.process.returncode


@pytest.fixture
def served(tmp_path: Any) -> Iterator[Served]:
    new_server = Served(tmp_path, "data")
    yield new_server
    if new_server.process.poll() is None:
        new_server.end(signal.SIGKILL)


@pytest.fixture
def pipeline_file(tmp_path: Any) -> str:
    (tmp_path / "pipeline.yml").write_text(PIPELINE)
    return "pipeline.yml"


def sentences(done: "subprocess.CompletedProcess[str]") -> List[str]:
    assert "Traceback" not in done.stderr
    return done.stderr.strip().splitlines()


def test_the_server_prints_its_url_and_private_tokens(served: Served, tmp_path: Any) -> None:
    data = str(tmp_path / "data")
    assert served.url.startswith("http://127.0.0.1:")
    assert (served.agent_token_path, served.api_token_path) == (f"{data}/tokens/agent", f"{data}/tokens/api")
    for path in (served.agent_token_path, served.api_token_path):
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert json.load(served.open("/v2/access-token"))["scopes"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_server_cleanly(served: Served, tmp_path: Any, number: int) -> None:
    assert os.path.exists(tmp_path / "data" / "server.url")
    assert served.end(number) == 0
    assert not os.path.exists(tmp_path / "data" / "server.url")


def test_a_signal_ends_a_server_with_open_streams(served: Served) -> None:
    stream = served.open("/-/live")
    assert stream.readline()
    assert served.end() == 0


def _status(pid: int, name: str) -> int:
    with open(f"/proc/{pid}/status", encoding="ascii") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(name))


@pytest.mark.skipif(sys.platform != "linux", reason="counts threads and descriptors by /proc")
def test_agents_whose_pings_are_held_cost_the_server_no_threads(served: Served) -> None:
    count, pid, problems = 250, served.process.pid, []
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        soft, hard = next(line.split()[3:5] for line in limits if line.startswith("Max open files"))
    assert soft == hard or int(soft) >= 1 << 17
    with open(served.agent_token_path, encoding="ascii") as file:
        token = file.read().strip()

    async def ping_together() -> None:
        agents = await fleet.new_fleet(f"{served.url}/v3", token, count, problems)
        calls = [agent.client.call("GET", "/ping") for agent in agents]
        pings = asyncio.gather(*[fleet.noting(problems, lambda call=call: call) for call in calls])
        while len(os.listdir(f"/proc/{pid}/fd")) < count and not pings.done():
            await asyncio.sleep(0.01)
        assert _status(pid, "Threads:") < 20
        assert all("job" not in answer for answer in await pings)

    asyncio.run(ping_together())
    assert problems == [] and served.end() == 0


def test_what_keeps_a_server_from_starting_is_one_sentence(served: Served, tmp_path: Any) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "newer").mkdir(mode=0o700)
    with contextlib.closing(sqlite3.connect(str(tmp_path / "newer" / "store.db"))) as store:
        store.execute("PRAGMA user_version = 999")
    port = served.url.rpartition(":")[2]
    for words, part in (
        (("--data", "other", "--listen", f"127.0.0.1:{port}"), f"cannot listen on 127.0.0.1 port {port}"),
        (("--data", "data"), "is in use by another control plane"),
        (("--data", "newer"), "has version 999, and this bkagent reads versions 1 to"),
        (("--data", "file/data"), "file/data"),
        (("--data", "file"), "file"),
        (("--data", "x", "--listen", "nonsense"), 'listen must be HOST:PORT, not "nonsense" (flag --listen)'),
        (("--data", "x", "--listen", "127.0.0.1:70000"), "listen must be HOST:PORT"),
        (("--data", "x", "--listen", "::1:80"), "brackets"),
        (("--data", "x", "--listen", "no.such.host.invalid:0"), "cannot listen on no.such.host.invalid"),
        ((), "Missing data folder"),
    ):
        done = bkagent(tmp_path, "server", *words)
        (sentence,) = sentences(done)
        assert done.returncode == 1 and part in sentence and done.stdout == "", words


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_data_folder_that_cannot_be_written_is_one_sentence(tmp_path: Any) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    done = bkagent(tmp_path, "server", "--data", "data")
    assert done.returncode == 1 and "cannot be written" in sentences(done)[0]


def test_a_build_is_made_by_the_folders_server(served: Served, tmp_path: Any, pipeline_file: str) -> None:
    words = [
        "build",
        "create",
        "--data",
        "data",
        "--pipeline",
        "app",
        "--file",
        pipeline_file,
        "--repository",
        "/r.git",
    ]
    done = bkagent(tmp_path, *words, "--env", "LABEL=Say hi")
    assert (done.returncode, done.stdout) == (0, f"Build 1: {served.url}/local/app/builds/1\n"), done.stderr
    more = [
        "--json",
        "--branch",
        "b",
        "--commit",
        "c" * 40,
        "--message",
        "m",
        "--meta-data",
        "k=v",
        "--env",
        "LABEL=x=y",
    ]
    build = json.loads(bkagent(tmp_path, *words, *more).stdout)
    assert (build["number"], build["branch"], build["message"], build["meta_data"]) == (2, "b", "m", {"k": "v"})
    assert build["env"] == {"LABEL": "x=y"} and build["jobs"][0]["name"] == "x=y"


def test_a_build_waits_in_the_folder_where_no_server_runs(tmp_path: Any, pipeline_file: str) -> None:
    words = [
        "build",
        "create",
        "--data",
        "data",
        "--pipeline",
        "app",
        "--file",
        "-",
        "--repository",
        "/r.git",
        "--json",
    ]
    build = json.loads(bkagent(tmp_path, *words, stdin="steps: [{command: a}]").stdout)
    assert build["number"] == 1 and build["jobs"][0]["state"] == "scheduled"
    served = Served(tmp_path, "data")
    assert b"app #1" in served.open("/").read()
    served.end(signal.SIGKILL)
    assert os.path.exists(tmp_path / "data" / "server.url")  # left by the one that was killed
    assert json.loads(bkagent(tmp_path, *words, stdin="steps: [{command: a}]").stdout)["number"] == 2


def test_what_a_server_fails_with_is_said(served: Served, tmp_path: Any, pipeline_file: str) -> None:
    words = ["build", "create", "--data", "data", "--pipeline", "app", "--file", pipeline_file]
    with ScriptedServer({"GET /v2/organizations": Answer(500, {"message": "a fault of ours"})}) as failing:
        (tmp_path / "data" / "server.url").write_text(failing.url + "\n")
        done = bkagent(tmp_path, *words)
    assert done.returncode == 1 and "a fault of ours" in sentences(done)[0], done.stderr


def test_a_build_is_made_by_a_server_elsewhere(served: Served, tmp_path: Any, pipeline_file: str) -> None:
    with open(served.api_token_path) as file:
        token = file.read().strip()
    words = ["build", "create", "--pipeline", "app", "--file", pipeline_file, "--repository", "/r.git"]
    for ending in ("", "/", "/v2", "/v3/"):
        done = bkagent(tmp_path, *words, "--endpoint", served.url + ending, "--token", token)
        assert done.returncode == 0 and "Build " in done.stdout, done.stderr
    refused = bkagent(tmp_path, *words, "--endpoint", served.url, "--token", "wrong")
    assert refused.returncode == 1 and "401" in sentences(refused)[0]


def test_what_keeps_a_build_from_being_made_is_one_sentence(served: Served, tmp_path: Any, pipeline_file: str) -> None:
    (tmp_path / "bad.yml").write_text("steps: [")
    (tmp_path / "latin.yml").write_bytes(b"steps: [{command: \xff}]")
    (tmp_path / "unknown.yml").write_text("steps:\n  - nonsense: 1\n")
    whole = {"--data": "data", "--pipeline": "app", "--file": pipeline_file, "--repository": "/r.git"}
    for change, part in (
        ({"--pipeline": None}, "Missing pipeline"),
        ({"--file": None}, "Missing file"),
        ({"--data": None}, "--data"),
        ({"--endpoint": "http://127.0.0.1:1"}, "either"),
        ({"--data": None, "--endpoint": "http://127.0.0.1:1"}, "--token"),
        ({"--data": None, "--endpoint": "http://127.0.0.1:1", "--token": "x"}, "127.0.0.1:1"),
        ({"--file": "absent.yml"}, 'cannot read the pipeline file "absent.yml"'),
        ({"--file": "bad.yml"}, "bad.yml"),
        ({"--file": "latin.yml"}, "expected text in UTF-8"),
        ({"--file": "unknown.yml"}, "nonsense"),
        ({"--pipeline": "no slug"}, "no slug"),
        ({"--repository": None}, "repository"),
        ({"--env": "novalue"}, 'env must be NAME=VALUE, not "novalue" (flag --env)'),
    ):
        words = [word for pair in {**whole, **change}.items() if pair[1] is not None for word in pair]
        done = bkagent(tmp_path, "build", "create", *words)
        assert done.returncode == 1 and part in sentences(done)[-1] and done.stdout == "", (change, done.stderr)


@pytest.mark.parametrize(
    "words, message",
    [
        ((), "needs a repository"),
        (("--repository", "/r.git", "--pipeline", "no name"), "is not a valid pipeline name"),
        (("--repository", "/r.git", "--meta-data", "k=" + "x" * 110_000), "is larger than"),
    ],
)
def test_a_refused_build_leaves_no_control_plane_behind(tmp_path: Any, words: Any, message: str) -> None:
    command = ("build", "create", "--data", "none/such", "--pipeline", "app", "--file", "-", *words)
    done = bkagent(tmp_path, *command, stdin="steps: [{command: a}]")
    assert done.returncode == 1 and message in done.stderr and len(done.stderr.splitlines()) == 1
    assert [name for name in os.listdir(tmp_path) if name not in (".buildkite-agent", ".cache")] == []


def test_tokens_are_created_listed_and_revoked_while_the_server_runs(served: Served, tmp_path: Any) -> None:
    data = str(tmp_path / "data")

    def agents(secret: str) -> int:
        headers = {"Authorization": "Bearer " + secret}
        request = urllib.request.Request(served.url + "/v2/organizations/local/agents", headers=headers)
        try:
            return urllib.request.urlopen(request, timeout=WAIT_S).status
        except urllib.error.HTTPError as refusal:
            return refusal.code

    owner = ("--name", "dash\x1bboard", "--owner", "Ann <ann@example.com>")
    made = bkagent(tmp_path, "server", "token", "create", "--data", data, *owner, "--scopes", "read_agents")
    secret = made.stdout.strip()
    assert secret.startswith("bkua_") and agents(secret) == 200
    unfit = bkagent(tmp_path, "server", "token", "create", "--data", data, *owner, "--scopes", "read_builds", "--json")
    assert agents(json.loads(unfit.stdout)["token"]) == 403
    bkagent(tmp_path, "server", "token", "create", "--data", data, "--name", "operator", "--owner", "Ann")
    _, row, _, broad = bkagent(tmp_path, "server", "token", "list", "--data", data).stdout.splitlines()
    assert broad.split()[1:] == ["operator", "Ann", "everything", "never"]  # a list of all scopes fills three lines
    assert "Ann <ann@example.com>" in row and "read_agents" in row and row.endswith("never") and "\x1b" not in row
    everything = "".join(path.read_text() for path in (tmp_path / "data" / "tokens").rglob("*.json"))
    assert secret not in everything and secret[5:] not in everything
    gone = bkagent(tmp_path, "server", "token", "revoke", "--data", data, row.split()[0])
    assert (gone.returncode, gone.stdout) == (0, "") and agents(secret) == 401
    again = bkagent(tmp_path, "server", "token", "revoke", "--data", data, row.split()[0])
    assert again.returncode == 1 and "no token has the id" in again.stderr


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--scopes", "read_all"], "scopes must be some of read_agents, "),
        (["--owner", "<x"], 'owner must be NAME or NAME <EMAIL>, not "<x"'),
        (["--agent", "--scopes", "read_user"], "--agent and --scopes cannot be used together"),
        (["--expires-in", "-1s"], "expires-in must be a duration of at least 0s"),
        (["--data", "nowhere"], "nowhere is not the data folder of a server"),
    ],
)
def test_a_token_that_cannot_be_created(tmp_path: Any, words: List[str], sentence: str) -> None:
    (tmp_path / "data" / "tokens").mkdir(0o700, parents=True)
    base = ["server", "token", "create", "--data", str(tmp_path / "data"), "--name", "n", "--owner", "Ann"]
    refused = bkagent(tmp_path, *base, *words)
    assert refused.returncode == 1 and sentence in refused.stderr and not refused.stdout
