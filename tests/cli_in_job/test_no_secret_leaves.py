"""Every command of a job is run with a secret in every text that it takes: what reaches the control plane is read.

A new command has to be added here, with the texts that it sends, or with why a secret may leave in them.
"""

import os
import subprocess

import pytest

from bkagent.cli import table
from bkagent.config import self_command
from tests.fakes.scripted_server import Answer

SECRET = "hunter2-hunter2"
SCRUBBED = {
    "annotate": [["annotate", f"body {SECRET}", "--style", "info"], ["annotate", "--append", f"{SECRET}"]],
    "meta-data set": [["meta-data", "set", "key", f"v {SECRET}"]],
    "meta-data set-batch": [["meta-data", "set-batch", f"key=v {SECRET}", f"other={SECRET}"]],
    "step update": [["step", "update", "label", f"{SECRET}"], ["step", "update", "label", f"a {SECRET}", "--append"]],
    "job update": [["job", "update", "timeout_in_minutes", SECRET], ["job", "update", "x", SECRET]],
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
    "annotation remove": "the context of an annotation",
    "artifact download": "a pattern of names",
    "artifact search": "a pattern of names",
    "artifact shasum": "a pattern of names",
    "artifact upload": "names of files; their contents are the job's to choose",
    "build create": "a command of the control plane's own machine",
    "env set": "the job's own socket",
    "env unset": "the job's own socket",
    "git-credentials-helper": "the name of a repository",
    "lock acquire": "not there yet",
    "lock do": "not there yet",
    "lock done": "not there yet",
    "lock get": "not there yet",
    "lock release": "not there yet",
    "meta-data exists": "a key",
    "meta-data get": "a key",
    "oidc request-token": "what a token is to say",
    "redactor add": "the job's own socket",
    "secret get": "a key",
    "step get": "the name of an attribute",
    "workdir set": "the job's own socket",
}


def test_every_command_of_a_job_is_thought_of():
    served = {name for name in table.COMMANDS if name.split(" ")[0] in self_command.SERVED}
    assert served == set(SCRUBBED) | set(OTHERWISE)
    assert not set(SCRUBBED) & set(OTHERWISE)


@pytest.mark.parametrize("command", sorted(SCRUBBED))
def test_no_request_has_the_secret(place, server, command):
    server.routes["*"] = Answer(200, {})
    for words in SCRUBBED[command]:
        environ = {**place.environ, "MY_SECRET": SECRET, "BUILDKITE_REDACTED_VARS": "*_SECRET"}
        pipeline = f"steps:\n- command: echo {SECRET}\n".encode()
        subprocess.run(self_command.command(words), env=environ, input=pipeline, capture_output=True, timeout=60)
    for request in server.seen:
        told = f"{request.target} {request.headers}".encode() + request.body
        assert SECRET.encode() not in told, (command, request.line)
    if command not in ("env dump", "env get", "pipeline upload"):
        assert server.seen, f"{command} sent nothing: the check has no meaning"


def test_the_check_would_see_a_secret(place, server):
    """Without the pattern nothing is scrubbed, and the secret is seen where the check looks for it."""
    server.routes["*"] = Answer(200, {})
    environ = {**place.environ, "MY_SECRET": SECRET, "BUILDKITE_REDACTED_VARS": ""}
    for words in (*SCRUBBED["annotate"], *SCRUBBED["meta-data set"], *SCRUBBED["step update"]):
        subprocess.run(self_command.command(words), env=environ, stdin=subprocess.DEVNULL, check=False, timeout=60)
    seen = [request for request in server.seen if SECRET.encode() in request.body]
    assert len(seen) >= 4, os.linesep.join(request.line for request in server.seen)
