"""The Job API over a named pipe, from batch files, Python and Node."""

from __future__ import annotations

import itertools
import textwrap
from pathlib import Path
from typing import Callable

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.source_tree import TOP
from tests.windows.conftest import IS_NEEDED
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession

CLIENT = Path(__file__).with_name("job_api_client.py")
BATCH = """
call buildkite-agent env set FROM_BATCH=yes GREEN=green
call buildkite-agent env get FROM_BATCH
call buildkite-agent env unset GREEN
call buildkite-agent meta-data set colour blue
call buildkite-agent meta-data get colour
echo.
echo a note| call buildkite-agent annotate --context notes
echo hunter2| call buildkite-agent redactor add
echo the word is hunter2
"{python}" -I "{client}" ask
"{python}" -I "{example}"
"""
NODE = """
const http = require('http');
const [path, token] = ['SOCKET', 'TOKEN'].map(name => process.env['BUILDKITE_AGENT_JOB_API_' + name]);
const ask = (method, body) => new Promise((done, failed) => {
  const request = http.request(
    {socketPath: path, path: '/api/current-job/v0/env', method, headers: {Authorization: 'Bearer ' + token}},
    answer => { let text = ''; answer.on('data', part => text += part).on('end', () => done(JSON.parse(text))); });
  request.on('error', failed).end(body && JSON.stringify(body));
});
(async () => {
  const all = Array.from({length: 30}, (_, at) => ask('PATCH', {env: {['NODE_' + at]: 'x'.repeat(1000)}}));
  await Promise.all(all);
  const {env} = await ask('GET');
  console.log('Node reads', Object.keys(env).filter(name => name.startsWith('NODE_')).length);
})();
"""


def _example(language: str) -> str:
    """Return the example for a language in docs/job-api.md."""
    text = Path(TOP, "docs", "job-api.md").read_text(encoding="utf-8").partition(f"\nIn {language}")[2]
    return textwrap.dedent("\n".join(itertools.takewhile(lambda line: line[:1] in ("", " "), text.splitlines()[2:])))


def test_commands_of_a_batch_file_and_a_client_in_python(
    start_agent: Callable[..., WindowsAgent], plane: FakeControlPlane, wine: WineSession, python: str, tmp_path: Path
) -> None:
    agent, example = start_agent(python), tmp_path / "example.py"
    example.write_text(_example("Python"), encoding="utf-8")
    files = {"client": wine.windows_path(CLIENT), "example": wine.windows_path(example)}
    job = agent.run_job(BATCH.format(python=wine.python(python), **files))
    assert job.finish["exit_status"] == "0", job.text
    lines = job.text.splitlines()
    assert [line for line in lines if line in ("yes", "blue", "the word is [REDACTED]", "- GREEN")] == [
        "yes", "- GREEN", "blue", "the word is [REDACTED]",
    ], job.text  # fmt: skip
    assert lines[-1] == "main" and "Python reads 200 1 yes" in lines and "the word is hunter2" not in lines
    assert plane.meta_data == {"colour": "blue"}
    notes = [request for request in plane.requests if request.call.endswith("/annotations")]
    assert [(note.document["context"], note.document["body"].strip()) for note in notes] == [("notes", "a note")]


def test_the_end_of_a_job_waits_for_no_client(
    start_agent: Callable[..., WindowsAgent], wine: WineSession, tmp_path: Path
) -> None:
    released, agent = tmp_path / "released", start_agent("3.13")
    words = f'"{wine.python("3.13")}" -I "{wine.windows_path(CLIENT)}" leave "{wine.windows_path(released)}"'
    job = agent.run_job(f"{words}\ncall buildkite-agent env get BUILDKITE_BRANCH")
    assert job.finish["exit_status"] == "0" and "main" in job.text.splitlines(), job.text
    released.touch()


def test_a_client_in_node(start_agent: Callable[..., WindowsAgent], wine: WineSession, tmp_path: Path) -> None:
    node = wine.bed / "node" / "node.exe"
    if not node.exists():
        (pytest.fail if IS_NEEDED else pytest.skip)(f"no Node for Windows: {node} is missing")
    script = tmp_path / "client.js"
    script.write_text(NODE)
    example = tmp_path / "example.js"
    example.write_text(_example("Node"))
    run = f'"{wine.windows_path(node)}"'
    job = start_agent("3.13").run_job(f'{run} "{wine.windows_path(script)}"\n{run} "{wine.windows_path(example)}"')
    assert job.finish["exit_status"] == "0" and "Node reads 30" in job.text.splitlines(), job.text
    assert '"BUILDKITE_BRANCH": "main"' in job.text or '"BUILDKITE_BRANCH":"main"' in job.text, job.text
