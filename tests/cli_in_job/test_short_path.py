"""What commands that hooks call dozens of times a job must not load."""

import os
import subprocess
import sys

import pytest

from bkagent.config.launching.self_command import code_root
from tests.cli_in_job.conftest import BUILD_ID, JOB_ID
from tests.fakes.fake_leader import FakeLeader
from tests.fakes.scripted_server import Answer

HEAVY = {
    "dataclasses", "typing", "enum", "json", "re", "argparse", "http.client", "ssl", "socket", "subprocess", "runpy",
    "threading", "random", "tempfile", "urllib.parse", "contextlib", "collections", "functools", "inspect", "logging",
}  # fmt: skip
PROGRAM = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from bkagent.cli.main import main
status = main(sys.argv[1:])
with open("modules", "w") as file:
    file.write("\\n".join(sys.modules))
sys.exit(status)
"""
COMMANDS = {
    "annotate": (["annotate", "body", "--context", "c"], 0),
    "meta-data get": (["meta-data", "get", "key"], 0),
    "meta-data set": (["meta-data", "set", "key", "value"], 0),
    "meta-data exists": (["meta-data", "exists", "key"], 100),
    "meta-data keys": (["meta-data", "keys"], 0),
    "env get": (["env", "get", "ONE"], 0),
    "env set": (["env", "set", "A=1"], 0),
    "env unset": (["env", "unset", "A"], 0),
    "env dump": (["env", "dump"], 0),
    "redactor add": (["redactor", "add"], 0),
    "meta-data set-batch": (["meta-data", "set-batch", "a=1"], 0),
    "annotation remove": (["annotation", "remove"], 0),
    "step get": (["step", "get", "label"], 0),
    "step update": (["step", "update", "label", "value"], 0),
    "step cancel": (["step", "cancel"], 0),
    "build cancel": (["build", "cancel"], 0),
    "job update": (["job", "update", "timeout_in_minutes", "1"], 0),
    "job promise-failure": (["job", "promise-failure", "1"], 0),
    "pause": (["pause"], 0),
    "resume": (["resume"], 0),
    "stop": (["stop"], 0),
    "oidc request-token": (["oidc", "request-token"], 0),
    "secret get": (["secret", "get", "one"], 0),
    "workdir set": (["workdir", "set", "."], 0),
    "git-credentials-helper": (["git-credentials-helper", "get"], 1),
    "lock acquire": (["lock", "acquire", "key"], 0),
    "lock do": (["lock", "do", "key"], 0),
    "lock done": (["lock", "done", "key"], 1),
    "lock get": (["lock", "get", "key"], 0),
    "lock get without a leader": (["lock", "get", "key", "--sockets-path", "nowhere"], 1),
    "lock release": (["lock", "release", "key", "token"], 1),
    "acknowledgements": (["acknowledgements"], 0),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_loads_nothing_heavy(job, name, tmp_path):
    data = f"/v3/jobs/{JOB_ID}/"
    job.server.routes.update({
        f"POST {data}annotations": (200, {}), f"POST {data}data/get": (200, {"key": "key", "value": "v"}),
        f"POST {data}data/set": (200, {}), f"POST {data}data/exists": (200, {"exists": False}),
        f"POST {data}data/keys": (200, ["key"]), "*": (200, {"output": "o", "uuid": "u", "token": "t", "value": "v"}),
    })  # fmt: skip
    words, status = COMMANDS[name]
    argv = [sys.executable, "-I", "-S", "-c", PROGRAM, code_root(), *words]
    sockets = tmp_path / "sockets"
    environ = {**job.environ, "SOME_TOKEN": "secret-value", "BUILDKITE_SOCKETS_PATH": str(sockets)}
    with FakeLeader(sockets):
        done = subprocess.run(argv, cwd=tmp_path, env=environ, input=b"secret", capture_output=True, timeout=60)
    assert done.returncode == status, done
    loaded = set((tmp_path / "modules").read_text().split("\n"))
    assert "bkagent.cli.main" in loaded
    bare = subprocess.run(
        [sys.executable, "-I", "-S", "-c", "import sys; print('\\n'.join(sys.modules))"], capture_output=True
    )
    assert not (loaded & HEAVY) - set(bare.stdout.decode().split(os.linesep))
    assert not of_signatures(loaded)


OF_LARGE_TRANSFERS = {
    "dataclasses", "inspect", "concurrent.futures", "logging", "ssl", "subprocess", "bkagent.remote.worker.jobs",
    "bkagent.artifacts.download.ranged_fetch", "bkagent.artifacts.download.artifact_fetch",
    "bkagent.artifacts.upload.journal.record_file",
}  # fmt: skip

# What takes as long to load as the transfer of hundreds of small files.
HEAVY_IN_TRANSFERS = {
    "typing", "enum", "re", "socket", "hashlib", "urllib.parse", "importlib", "json", "base64", "datetime", "traceback",
    "bkagent.artifacts.download.artifact_file",
}  # fmt: skip


@pytest.mark.parametrize("words", [["upload", "small.txt"], ["download", "small.txt", "."]], ids=lambda words: words[0])
def test_small_artifacts_load_nothing_of_large_ones(job, words, tmp_path):
    action = {"url": job.server.url + "/form", "method": "POST", "path": "/form", "file_input": "file"}
    record = {"id": "i", "path": "small.txt", "file_size": 5, "url": job.server.url + "/small"}
    job.server.routes.update({
        f"POST /v3/jobs/{JOB_ID}/artifacts": (
            201, {"artifact_ids": ["i"], "upload_instructions": {"action": action, "data": {}}},
        ),
        f"PUT /v3/jobs/{JOB_ID}/artifacts": (200, {}), "POST /form": Answer(204),
        "GET /small": Answer(200, body=b"small"),
        f"GET /v3/builds/{BUILD_ID}/artifacts/search": (200, [record]),
    })  # fmt: skip
    (tmp_path / "small.txt").write_bytes(b"small")
    argv = [sys.executable, "-I", "-S", "-c", PROGRAM, code_root(), "artifact", *words]
    done = subprocess.run(argv, cwd=tmp_path, env=job.environ, capture_output=True, timeout=60)
    assert done.returncode == 0, done
    loaded = set((tmp_path / "modules").read_text().split("\n"))
    assert f"bkagent.artifacts.{words[0]}.{words[0]}" in loaded
    assert not loaded & OF_LARGE_TRANSFERS and not loaded & HEAVY_IN_TRANSFERS


def of_signatures(modules):
    return [
        name
        for name in modules
        if name.startswith(("bkagent.jose", "bkagent.pipeline.signature", "bkagent.cli.signing"))
    ]


def test_nothing_of_signatures_is_loaded_where_nothing_is_signed(tmp_path):
    (tmp_path / "p.yml").write_text("steps: [{command: x}]")
    words = ["pipeline", "upload", "--dry-run", "--agent-access-token", "t", "p.yml"]
    argv = [sys.executable, "-I", "-S", "-c", PROGRAM, code_root(), *words]
    subprocess.run(argv, cwd=tmp_path, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}, check=True, timeout=60)
    loaded = (tmp_path / "modules").read_text().split("\n")
    assert "bkagent.pipeline.document.source" in loaded and not of_signatures(loaded)
    # All that an agent without keys loads before its first job, and all that a job's process does.
    modules = "bkagent.cli.commands.start, bkagent.cli.start.agent_settings, bkagent.agent.run, bkagent.job.process"
    program = f"import sys; sys.path.insert(0, sys.argv[1]); import {modules}; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, code_root()], stdout=subprocess.PIPE, check=True)
    assert b"bkagent.agent.jobs.job_verification" in done.stdout and not of_signatures(done.stdout.decode().split())


def test_the_journal_of_many_small_artifacts_loads_no_typing():
    code = "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.artifacts.upload.journal import record_file; "
    code += "print('typing' in sys.modules, 're' in sys.modules)"
    argv = [sys.executable, "-I", "-S", "-c", code, code_root()]
    assert subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout.split() == [b"False", b"False"]
