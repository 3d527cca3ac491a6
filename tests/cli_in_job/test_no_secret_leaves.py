"""Every command of a job is run with a secret in every text that it takes: what reaches the control plane is read.

A new command has to be added here, with the texts that it sends, or with why a secret may leave in them.
"""

import os
import subprocess

import pytest

from bkagent.cli import table
from bkagent.config.launching import self_command
from tests.fakes.scripted_server import Answer

SECRET = "hunter2-hunter2"
SCRUBBED = {
    "annotate": [["annotate", f"body {SECRET}", "--style", SECRET], ["annotate", "--append", "b", "--context", SECRET]],
    "annotation remove": [["annotation", "remove", "--context", f"a/{SECRET}"]],
    "artifact download": [["artifact", "download", f"{SECRET}/*", ".", "--build", "b"]],
    "artifact list": [["artifact", "list", f"of {SECRET}", "--build", "b"]],
    "artifact search": [["artifact", "search", f"{SECRET}/*", "--build", "b"]],
    "artifact shasum": [["artifact", "shasum", f"{SECRET}/*", "--build", "b"]],
    "artifact upload": [["artifact", "upload", f"{SECRET}/*"]],
    "meta-data get": [["meta-data", "get", f"k {SECRET}"]],
    "meta-data exists": [["meta-data", "exists", SECRET]],
    "step get": [["step", "get", f"a {SECRET}", "--step", "s"]],
    "meta-data set": [["meta-data", "set", f"k {SECRET}", f"v {SECRET}"]],
    "meta-data set-batch": [["meta-data", "set-batch", f"{SECRET}=v {SECRET}", f"other={SECRET}"]],
    "step update": [["step", "update", "label", f"{SECRET}"], ["step", "update", SECRET, "a", "--append"]],
    "job update": [["job", "update", "timeout_in_minutes", SECRET], ["job", "update", SECRET, "x"]],
    "pause": [["pause", "--note", f"because {SECRET}"]],
    "build cancel": [["build", "cancel"]],
    "step cancel": [["step", "cancel", "--step", "s"]],
    "job promise-failure": [["job", "promise-failure", "1"]],
    "meta-data keys": [["meta-data", "keys"]],
    "resume": [["resume"]],
    "stop": [["stop"]],
    "env dump": [["env", "dump"]],
    "env get": [["env", "get", "MY_SECRET"]],
    "pipeline upload": [["pipeline", "upload", "--reject-secrets"]],
}
# What these are told is a name, which has to be the one that was meant; or it goes no further than the job's socket.
OTHERWISE = {
    "build create": "a command of the control plane's own machine",
    "env set": "the job's own socket",
    "env unset": "the job's own socket",
    "git-credentials-helper": "the name of a repository",
    "lock acquire": "the agents of this machine",
    "lock do": "the agents of this machine",
    "lock done": "the agents of this machine",
    "lock get": "the agents of this machine",
    "lock list": "the agents of this machine",
    "lock release": "the agents of this machine",
    "oidc request-token": "what a token is to say",
    "redactor add": "the job's own socket",
    "secret get": "a key",
    "workdir set": "the job's own socket",
}


def test_every_command_of_a_job_is_thought_of():
    served = {name for name in table.COMMANDS if name.split(" ")[0] in self_command.SERVED}
    assert served == set(SCRUBBED) | set(OTHERWISE)
    assert not set(SCRUBBED) & set(OTHERWISE)


@pytest.mark.parametrize("command", sorted(SCRUBBED))
def test_no_request_has_the_secret(job_cli, server, command, tmp_path):
    (tmp_path / SECRET).mkdir()
    (tmp_path / SECRET / f"of {SECRET}").write_bytes(b"content")
    action = {"url": server.url, "method": "POST", "path": "/form", "file_input": "file"}
    form = {"action": action, "data": {"path": "${artifact:path}"}}
    server.routes["POST /v3/jobs/0190-job/artifacts"] = (201, {"artifact_ids": ["a"], "upload_instructions": form})
    server.routes["GET /v3/builds/b/artifacts/search"] = (200, [])
    server.routes["*"] = Answer(200, {"exists": True, "value": "v", "output": "", "uuid": "u"})
    for words in SCRUBBED[command]:
        environ = {**job_cli.environ, "MY_SECRET": SECRET, "BUILDKITE_REDACTED_VARS": "*_SECRET"}
        pipeline = f"steps:\n- command: echo {SECRET}\n".encode()
        command_line = self_command.command(words)
        subprocess.run(command_line, env=environ, input=pipeline, capture_output=True, timeout=60, cwd=tmp_path)
    for request in server.seen:
        told = f"{request.target} {request.headers}".encode() + request.body
        assert SECRET.encode() not in told, (command, request.line)
    if command not in ("env dump", "env get", "pipeline upload"):
        assert server.seen, f"{command} sent nothing: the check has no meaning"


def test_the_check_would_see_a_secret(job_cli, server):
    """Without the pattern nothing is scrubbed, and the secret is seen where the check looks for it."""
    server.routes["*"] = Answer(200, {})
    environ = {**job_cli.environ, "MY_SECRET": SECRET, "BUILDKITE_REDACTED_VARS": ""}
    for words in (*SCRUBBED["annotate"], *SCRUBBED["meta-data set"], *SCRUBBED["step update"]):
        subprocess.run(self_command.command(words), env=environ, stdin=subprocess.DEVNULL, check=False, timeout=60)
    seen = [request for request in server.seen if SECRET.encode() in request.body]
    assert len(seen) >= 4, os.linesep.join(request.line for request in server.seen)
