"""Public clients of the REST API against a running `bkagent server` and an agent: pybuildkite and go-buildkite.

They are not installed with the tests. For pybuildkite, `pip install pybuildkite==1.3.0` into the environment of the
tests. For go-buildkite, set BKAGENT_TEST_GO to a Go command that can download modules. Then run
`python -m pytest -m soak tests/controlplane_http/test_public_clients.py`.
"""

import os
import shutil
import subprocess
import sys
import uuid
from typing import Any, Callable, Iterator, List

import pytest

from tests.fakes.conditions import until

# Before the fixtures take the variables of the environment away.
GO = os.environ.get("BKAGENT_TEST_GO", "")
GO_ENVIRONMENT = {
    name: text for name, text in os.environ.items() if name in ("HOME", "PATH", "GOPROXY", "GOMODCACHE", "GOFLAGS")
}
GO_CLIENT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "go_client")
ORGANIZATION = "local"
WAIT_S = 60.0
PIPELINE = """
steps:
  - label: one
    key: one
    command: |
      echo "--- header"
      echo out of one
      printf content > file.txt
      buildkite-agent artifact upload file.txt
      buildkite-agent annotate "from the job" --style info --context agent
  - block: go on?
    key: ask
    fields:
      - {text: Name, key: name, required: true, format: "[a-z]+"}
      - {select: Kind, key: kind, default: a, options: [{label: A, value: a}, {label: B, value: b}]}
  - {label: two, key: two, command: "exit 3"}
"""

pytestmark = pytest.mark.soak


class Running:
    """A server of the built archive, and agents for it."""

    def __init__(self, archive: str, folder: Any) -> None:
        self._archive, self._folder = archive, folder
        self._processes: List["subprocess.Popen[bytes]"] = []
        self.repository = str(folder / "repository")
        for words in (
            ("init", "-q", "-b", "main", self.repository),
            ("-C", self.repository, "commit", "-q", "--allow-empty", "-m", "first"),
        ):
            subprocess.run(["git", *words], check=True)
        log = folder / "server.log"
        self._start(["server", "--data", str(folder / "data"), "--listen", "127.0.0.1:0"], str(log))
        lines = until(lambda: log.exists() and log.read_text().count("\n") >= 4 and log.read_text().splitlines())
        self.url, self.agent_token_path, api_token_path = lines[:3]
        with open(api_token_path) as file:
            self.token = file.read().strip()
        self.log_path = log

    def start_agent(self, name: str) -> None:
        builds, state = str(self._folder / name), str(self._folder / f"{name}-state")
        with open(self.agent_token_path) as file:
            token = file.read().strip()
        self._start(
            ["start", "--token", token, "--endpoint", f"{self.url}/v3", "--build-path", builds, "--name", name,
             "--state-path", state], str(self._folder / f"{name}.log"),
        )  # fmt: skip

    def created_token(self, name: str) -> str:
        """Return the secret of a further token of the REST API."""
        done = subprocess.run(
            [sys.executable, self._archive, "server", "token", "create", "--data", str(self._folder / "data"),
             "--name", name, "--owner", "Ada <ada@example.com>"], check=True, capture_output=True, text=True,
        )  # fmt: skip
        return next(word for word in done.stdout.split() if word.startswith("bkua_"))

    def _start(self, words: List[str], log_path: str) -> None:
        with open(log_path, "wb") as log:
            process = subprocess.Popen([sys.executable, self._archive, *words], stdout=log, stderr=subprocess.STDOUT)
        self._processes.append(process)

    def end(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
            process.wait(WAIT_S)
        assert "Traceback" not in self.log_path.read_text()


@pytest.fixture
def running(packed_archive: str, tmp_path: Any) -> Iterator[Running]:
    new_server = Running(packed_archive, tmp_path)
    yield new_server
    new_server.end()


@pytest.fixture
def client(running: Running) -> Any:
    buildkite = pytest.importorskip("pybuildkite.buildkite", reason="pybuildkite is not installed")
    new_client = buildkite.Buildkite()
    new_client.base_url = f"{running.url}/v2/"
    new_client.set_access_token(running.token)
    return new_client


def refused(status: int, call: Callable[[], Any]) -> Any:
    """Return the body of the answer, which has this status."""
    with pytest.raises(Exception) as caught:
        call()
    response = caught.value.response  # type: ignore[attr-defined]
    assert response.status_code == status, response.text
    return response.json()


def test_pybuildkite_whole_life_of_a_build(client: Any, running: Running) -> None:
    from pybuildkite.builds import BuildState
    from pybuildkite.jobs import LogFormat

    assert client.organizations().list_all()[0]["slug"] == ORGANIZATION
    assert client.organizations().get_org(ORGANIZATION)["agents_url"].startswith(running.url)
    assert client.users().get_current_user()["name"]
    assert "read_builds" in client.access_tokens().get_token()["scopes"]
    assert client.meta().get_meta_information() == {"webhook_ips": []}
    assert client.emojis().list_emojis(ORGANIZATION) == []

    pipelines = client.pipelines()
    created = pipelines.create_yaml_pipeline(ORGANIZATION, "The App", running.repository, PIPELINE)
    assert (created["slug"], created["provider"]["settings"]) == ("the-app", {})
    assert pipelines.update_pipeline(ORGANIZATION, "the-app", description="new")["description"] == "new"
    assert [entry["slug"] for entry in pipelines.list_pipelines(ORGANIZATION)] == ["the-app"]
    assert pipelines.archive_pipeline(ORGANIZATION, "the-app")["archived_at"]
    assert pipelines.unarchive_pipeline(ORGANIZATION, "the-app")["archived_at"] is None
    legacy = pipelines.create_pipeline(ORGANIZATION, "Legacy", running.repository)
    assert legacy["steps"][0]["command"] == "buildkite-agent pipeline upload"

    running.start_agent("first")
    builds, jobs = client.builds(), client.jobs()
    build = builds.create_build(
        ORGANIZATION, "the-app", "HEAD", "main", message="m", env={"N": "1"}, meta_data={"k": "v"}
    )
    number = build["number"]

    def current(retried: bool = False) -> Any:
        return builds.get_build_by_number(ORGANIZATION, "the-app", number, include_retried_jobs=retried)

    blocked = until(lambda: current()["blocked"] and current())
    one, ask, two = blocked["jobs"]
    assert (one["state"], ask["type"], ask["unblockable"]) == ("passed", "manual", True)
    refused(400, lambda: jobs.retry_job(ORGANIZATION, "the-app", number, one["id"]))
    place = (ORGANIZATION, "the-app", number, ask["id"])
    refused(422, lambda: jobs.unblock_job(*place, {"name": "ada"}, unblocker=str(uuid.uuid4())))
    refused(422, lambda: jobs.unblock_job(*place, {"name": "ada", "kind": "z"}))
    refused(422, lambda: jobs.unblock_job(*place, {"name": "42"}))
    refused(422, lambda: jobs.unblock_job(*place, {"kind": "b"}))
    refused(400, lambda: jobs.unblock_job(ORGANIZATION, "the-app", number, one["id"], {}))
    user_id = client.users().get_current_user()["id"]
    assert jobs.unblock_job(*place, {"name": "ada"}, unblocker=user_id)["unblocked_by"]["id"] == user_id

    failed = until(lambda: current()["state"] == "failed" and current())
    assert failed["meta_data"]["name"] == "ada" and failed["meta_data"]["kind"] == "a"
    again = jobs.retry_job(ORGANIZATION, "the-app", number, two["id"])
    assert again["id"] != two["id"]
    attempts = [job for job in current(retried=True)["jobs"] if job.get("step_key") == "two"]
    assert attempts[0]["retried_in_job_id"] == again["id"]

    ran = (ORGANIZATION, "the-app", number, one["id"])
    as_json = jobs.get_job_log(*ran, log_format=LogFormat.JSON)
    assert "out of one" in as_json["content"] and as_json["header_times"]
    assert b"out of one" in jobs.get_job_log(*ran, log_format=LogFormat.TEXT)
    assert b"out of one" in jobs.get_job_log(*ran)
    assert jobs.get_job_environment_variables(*ran)["env"]["N"] == "1"

    artifacts = client.artifacts()
    (artifact,) = artifacts.list_artifacts_for_build(ORGANIZATION, "the-app", number)
    assert artifacts.list_artifacts_for_job(*ran) == [artifact]
    assert artifacts.get_artifact(*ran, artifact["id"]) == artifact
    assert artifacts.download_artifact(*ran, artifact["id"]) == b"content"
    assert b"".join(artifacts.download_artifact(*ran, artifact["id"], as_stream=True)) == b"content"
    assert client.annotations().list_annotations(ORGANIZATION, "the-app", number)[0]["context"] == "agent"
    assert jobs.delete_job_log(*ran) is True

    rebuilt = builds.rebuild_build(ORGANIZATION, "the-app", number)
    assert rebuilt["rebuilt_from"]["number"] == number
    until(lambda: builds.get_build_by_number(ORGANIZATION, "the-app", rebuilt["number"])["blocked"])
    assert builds.cancel_build(ORGANIZATION, "the-app", rebuilt["number"])["state"] in ("canceling", "canceled")
    ended = builds.list_all_for_pipeline(ORGANIZATION, "the-app", states=[BuildState.CANCELED, BuildState.FAILED])
    assert rebuilt["number"] in [build["number"] for build in ended]
    assert [build["number"] for build in builds.list_all(meta_data={"k": "v"})] == [number]
    assert len(builds.list_all_for_org(ORGANIZATION, branch="main", commit="HEAD", page=0)) <= 2

    agents = client.agents()
    (agent,) = agents.list_all(ORGANIZATION, name="first")
    assert agents.get_agent(ORGANIZATION, agent["id"])["connection_state"] == "connected"
    assert agents.list_all(ORGANIZATION, hostname="unknown") == []
    assert agents.stop_agent(ORGANIZATION, agent["id"], force=False) is True
    until(lambda: agents.get_agent(ORGANIZATION, agent["id"])["connection_state"] == "stopped")
    refused(400, lambda: agents.stop_agent(ORGANIZATION, agent["id"]))

    until(lambda: current()["finished_at"])
    assert pipelines.delete_pipeline(ORGANIZATION, "legacy") is True
    refused(404, lambda: pipelines.get_pipeline(ORGANIZATION, "legacy"))
    refused(404, lambda: client.teams().list_teams(ORGANIZATION))


def test_pybuildkite_pages(client: Any, running: Running) -> None:
    client.client.per_page = 2
    for number in range(5):
        client.pipelines().create_yaml_pipeline(ORGANIZATION, f"p{number}", running.repository, PIPELINE)
    pages, slugs = 1, []
    while pages:
        answer = client.pipelines().list_pipelines(ORGANIZATION, page=pages, with_pagination=True)
        slugs += [entry["slug"] for entry in answer.body]
        pages = answer.next_page
    assert slugs == [f"p{number}" for number in range(5)]


def test_pybuildkite_revokes_its_token(client: Any, running: Running) -> None:
    client.set_access_token(running.created_token("short"))
    assert client.users().get_current_user()["email"] == "ada@example.com"
    assert client.access_tokens().revoke_token() is True
    refused(401, lambda: client.access_tokens().get_token())


@pytest.mark.skipif(not GO, reason="go-buildkite needs the variable BKAGENT_TEST_GO: a Go command")
def test_go_buildkite(running: Running, tmp_path: Any) -> None:
    running.start_agent("first")
    program = str(tmp_path / "go_client")
    shutil.copytree(GO_CLIENT, program)
    environment = {**os.environ, **GO_ENVIRONMENT, "PIPELINE": PIPELINE, "REPOSITORY": running.repository}
    done = subprocess.run(
        [GO, "run", "-mod=mod", ".", running.url + "/", running.token, running.created_token("short")],
        cwd=program, env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
