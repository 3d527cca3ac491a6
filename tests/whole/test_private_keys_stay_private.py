"""Private keys stay in their files: not in arguments, variables, messages, logs, reports of crashes or other files."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from bkagent.jose import algorithms, base64url, key_set
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.document import normalise
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.signature.sign import sign
from tests.fakes.agent_process import AgentProcess, clean_environment
from tests.fakes.broken_copy import BrokenCopy
from tests.fakes.control_plane import FakeControlPlane

ALGORITHMS = ("EdDSA", *(pytest.param(name, marks=pytest.mark.soak) for name in ("ES512", "PS512")))
DEBUG = ("--debug", "--debug-signing")
# Defects that show all that their arguments show of themselves.
CRASHES = {
    "jose/algorithms.py": "def sign(*words): raise RuntimeError(f'broken {words!r} {[str(word) for word in words]}')\n",
    "jose/jws.py": "def sign(content, key): raise RuntimeError(f'broken {key!r} {key} {content!r}')\n",
    "cli/signing/key_file.py": "def _named(keys, path, key_id): raise KeyError(f'broken {keys!r}', *keys)\n",
    "agent/run.py": "def run(settings, *more, **others): raise RuntimeError(f'broken {settings!r} {settings.job!r}')\n",
}


@pytest.fixture(params=ALGORITHMS)
def key(request: pytest.FixtureRequest) -> Jwk:
    """Return a new key, which is made here since each of pytest's processes loads this file."""
    return Jwk(algorithms.generate(request.param), request.param, "llama")


def spellings(key: Jwk) -> List[bytes]:
    """Return every usual spelling of the private numbers of a key."""
    private = set(key.document()) - set(key.public.document())
    assert "d" in private
    found: List[bytes] = []
    for name in private:
        content = base64url.decode(key.document()[name])
        number = int.from_bytes(content, "big")
        texts = [
            key.document()[name],
            str(number),
            content.hex(),
            base64.b64encode(content).decode(),
            repr(content)[2:-1],
        ]
        found += [content, *(text.encode() for text in texts)]
    return [spelling for spelling in found if len(spelling) > 8]


def leaks(content: bytes, key: Jwk) -> bool:
    return any(spelling in content for spelling in spellings(key))


def files_below(folder: Path, *but: Path) -> Iterator[Path]:
    """Yield the files of a folder: what a program has left there."""
    for path in folder.rglob("*"):
        if path.is_file() and not path.is_symlink() and path not in but:
            yield path


def processes() -> Dict[str, bytes]:
    """Return the arguments and the variables of every process."""
    shown = {}
    for name in ("cmdline", "environ"):
        for path in Path("/proc").glob(f"[0-9]*/{name}"):
            try:
                shown[str(path)] = path.read_bytes()
            except OSError:
                continue  # it has ended, or belongs to another user
    return shown


def write_key(path: Path, key: Jwk) -> str:
    path.write_text(json.dumps(key_set.document([key])), encoding="utf-8")
    return str(path)


def test_a_crash_with_a_key_at_hand_shows_nothing_of_it(tmp_path: Path, key: Jwk) -> None:
    path = tmp_path / "key.json"
    file = write_key(path, key)
    (tmp_path / "p.yml").write_text("steps: [{command: echo a}]", encoding="utf-8")
    signing = ("tool", "sign", "p.yml", "--repo", "r", "--jwks-file", file, *DEBUG)
    starting = ("start", "--token", "t", "--build-path", "b", "--verification-jwks-file", file, *DEBUG)
    home = tmp_path / "home"
    home.mkdir()
    for number, (module, defect) in enumerate(CRASHES.items()):
        copy = BrokenCopy(tmp_path / f"code-{number}")
        copy.append(module, defect)
        done = subprocess.run(
            [*copy.program(sys.executable), *(starting if module.startswith("agent") else signing)],
            env=clean_environment(home), cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, check=False,
        )  # fmt: skip
        assert done.returncode == 1 and b"broken" in done.stderr and b"the report is " in done.stderr, done.stderr
        assert not leaks(done.stdout + done.stderr, key), module
    reports = [file for file in files_below(home) if file.name.startswith("crash-")]
    assert len(reports) == len(CRASHES)
    for file_left in (*files_below(home), tmp_path / "p.yml"):
        assert not leaks(file_left.read_bytes(), key), file_left


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")
def test_an_agent_that_signs_and_verifies_shows_nothing_of_its_key(tmp_path: Path, key: Jwk) -> None:
    command = "echo 'steps: [{command: c}]' >p.yml; env; buildkite-agent pipeline upload p.yml"
    typed = read_pipeline(f'steps: [{{command: "{command}"}}]', "p", {}, interpolate=False).typed
    sign(typed, key, "/no/repository", lambda text: None)
    step = normalise.to_wire(typed)["steps"][0]
    path = tmp_path / "key.json"
    file = write_key(path, key)
    options = ("--signing-jwks-file", file, "--verification-jwks-file", file, *DEBUG, "--debug-http")
    with FakeControlPlane() as plane:
        # The upload, which has signed by then, is sent again: it waits where its arguments and variables can be seen.
        fault = plane.break_down("^POST jobs/[^/]*/pipelines", 503)
        job = plane.add_job(step["command"], step=step)
        with AgentProcess(tmp_path / "agent", plane.endpoint, *options) as agent:
            assert plane.wait_for(lambda: fault.hits), agent.said
            shown = processes()
            fault.end()
            assert any(file.encode() in content for content in shown.values())
            assert [name for name, content in shown.items() if leaks(content, key)] == []
            assert job.wait_finished() and job.finish["exit_status"] == "0", job.text
            assert "Job signature verified" in job.text
            assert plane.pipelines[-1]["pipeline"]["steps"][0]["signature"]["algorithm"] == key.algorithm
            requests = b"".join(str(request.headers).encode() + request.body for request in plane.requests)
            assert not leaks((job.text + agent.said).encode() + requests, key)
        # Not before the agent has left: it removes what it kept of a job after the job's finish was taken.
        for file_left in files_below(tmp_path, path):
            assert not leaks(file_left.read_bytes(), key), file_left
