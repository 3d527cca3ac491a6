"""Every request with a body is named here with how secrets stay out of it: a new one must be thought about.

That the commands do what is said here, with secrets in all their texts, is tested in
cli_in_job/test_no_secret_leaves.py.
"""

import ast
from pathlib import Path

from tests.conftest import TOP

REMOTE = Path(TOP) / "bkagent" / "remote"
COMMANDS = Path(TOP) / "bkagent" / "cli" / "commands"
# Modules of remote/ with free text of a job -> the commands that scrub it.
SCRUBBED = {
    "annotations": ["annotate"],
    "meta_data": ["meta_data_set", "meta_data_set_batch"],
    "steps": ["step_update"],
    "job_updates": ["job_update", "job_promise_failure"],
    "agent_control": ["pause"],
}
# The others, and why nothing has to be taken out.
OTHERWISE = {
    "agent_control": "words of the user of the command",
    "agents": "what the agent says of itself",
    "artifacts": "redaction/outbound.py; paths in forms too, see cli_in_job/test_no_secret_leaves.py",
    "begun_call": "passes on",
    "chunks": "redacted before it reached the disk",
    "client": "passes on",
    "in_job": "passes on",
    "job_api": "the job's own socket",
    "jobs": "states and times",
    "leader": "keys, tokens and ids of locks, for agents of this machine and user",
    "local_http": "the job's own socket",
    "oidc": "what a token is to say",
    "pipelines": "pipeline/document/secrets.py warns or refuses, as the reference does",
    "repository_tokens": "the name of a repository",
    "rest_agents": "words of the user of the command",
    "rest_client": "the control plane of this machine",
}


def sends(tree):
    """Say whether a module makes a request with a body."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            names = {keyword.arg for keyword in node.keywords}
            if node.func.attr in ("begin", "call", "request", "exchange") and (
                names & {"document", "body"} or len(node.args) > 2
            ):
                return True
    return False


def test_every_module_that_sends_a_body_is_accounted_for():
    senders = {path.stem for path in REMOTE.rglob("*.py") if sends(ast.parse(path.read_text(encoding="utf-8")))}
    assert senders - set(SCRUBBED) - set(OTHERWISE) == set()
    assert set(SCRUBBED) <= senders


def test_commands_scrub_what_a_job_wrote():
    for commands in SCRUBBED.values():
        for name in commands:
            tree = ast.parse((COMMANDS / f"{name}.py").read_text(encoding="utf-8"))
            called = {
                node.func.attr
                for node in ast.walk(tree)
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
            }  # noqa: E501
            assert "scrub" in called, name
