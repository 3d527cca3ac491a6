"""Every exit status that the list of commands names is proven by a test, and the tests are named here.

tests/data/exit_codes.json says for each command and status of tests/data/cli.json which test proves it, as
FILE::TEST; "none: ..." says why there is none.
"""

import json
import os
import re
import subprocess
import sys

import pytest

from bkagent import errors
from bkagent.cli import main
from tests.fakes.agent_process import AgentProcess
from tests.fakes.scripted_server import Answer, ScriptedServer

TOP = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))


def read(name):
    with open(os.path.join(TOP, "tests", "data", name), encoding="utf-8") as file:
        return json.load(file)


def named():
    """Return every (command, status) of the list; what all commands share has the command "*"."""
    listed = read("cli.json")
    pairs = {("*", status) for status in listed["common_exit_codes"]}
    for row in listed["commands"]:
        pairs |= {(" ".join(row["path"]), status) for status in row["exit_codes"]}
    return pairs


PROOFS = read("exit_codes.json")


def test_every_status_has_its_proof():
    assert {(command, status) for command, codes in PROOFS.items() for status in codes} == named()


@pytest.mark.parametrize("proof", sorted({proof for codes in PROOFS.values() for proof in codes.values()}))
def test_the_proof_exists(proof):
    if proof.startswith("none: "):
        assert len(proof.split()) > 4
        return
    path, _, name = proof.partition("::")
    with open(os.path.join(TOP, path), encoding="utf-8") as file:
        assert re.search(rf"^(    )?def {name}\(", file.read(), re.MULTILINE)


def test_errors_carry_the_statuses_that_callers_rely_on():
    known = [error for error in vars(errors).values() if isinstance(error, type) and "exit_code" in vars(error)]
    assert {error.exit_code: error.__name__ for error in known} == {
        1: "AgentError", 27: "JobRejected", 28: "JobLocked", 77: "TokenRefused", 94: "CheckoutLockExpired",
        100: "KeyAbsent", 125: "SetupFailed",
    }  # fmt: skip


def test_a_job_that_still_waits_for_others_is_28_which_an_agent_keeps_to_itself(tmp_path):
    """The status is declared; the agent, as the reference, logs the failure, asks for work once more and leaves."""
    assert errors.JobLocked("").exit_code == 28
    session = {"id": "a", "name": "n", "access_token": "t", "ping_interval": 1, "job_status_interval": 1,
               "heartbeat_interval": 60}  # fmt: skip
    waits = Answer(423, {"message": "waits"}, headers={"Retry-After": "0"})
    routes = {"POST /register": (200, session), "PUT /jobs/j/acquire": waits, "*": (200, {})}
    with ScriptedServer(routes) as server:
        with AgentProcess(tmp_path / "agent", server.url, "--acquire-job", "j") as agent:
            assert agent.wait() == 0, agent.said
            assert "job j could not be acquired: " in agent.said
        assert server.lines.count("PUT /jobs/j/acquire") == 7 and server.lines[-1] == "POST /disconnect"


@pytest.mark.parametrize(
    "words, status",
    [(["--version"], 0), (["help"], 0), (["step"], 0), (["step", "get", "-h"], 0), (["no-such-command"], 1),
     (["step", "get", "--no-such-flag"], 1), (["step", "get"], 1), (["pause", "--timeout-in-minutes", "x"], 1)],
)  # fmt: skip
def test_what_all_commands_share(capsys, words, status):
    assert main.main(words, {}) == status


def test_a_defect_of_ours_is_1_and_says_so(capsys, monkeypatch, tmp_path):
    from bkagent.cli.commands import acknowledgements

    def broken(call):
        raise RuntimeError("a defect")

    monkeypatch.setattr(acknowledgements.COMMAND, "run", broken)
    assert main.main(["acknowledgements"], {"HOME": str(tmp_path)}) == 1
    said = capsys.readouterr().err
    assert "internal error: RuntimeError: a defect; the report is " in said and "Traceback" not in said


_THREAD_THAT_STAYS = """
import sys, threading
from bkagent.cli import main
threading.Thread(target=lambda: (threading.main_thread().join(), print("last"))).start()
sys.argv[1:] = ["--version"]
main.run()
"""


def test_a_command_line_ends_after_its_threads():
    ended = subprocess.run([sys.executable, "-c", _THREAD_THAT_STAYS], cwd=TOP, capture_output=True, timeout=60)
    assert ended.returncode == 0 and ended.stdout.split()[-1:] == [b"last"], ended.stderr
