"""The agent's token: read from where it is, and seen nowhere: not in `ps`, not in a job, not in what stays on disk."""

import os
import subprocess
import sys

import pytest

from bkagent.cli import secret_flags
from bkagent.config.launching import self_command
from tests.fakes.agent_process import clean_environment

TOKEN = "registration-token"
OTHER = "token-of-another-agent"
linux = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# What a job of the same user can find out: its own environment, and how every process above it was started, and others
# of this test (an agent that another test starts at this moment shows its token until its Python runs).
NOSY = """
env > {folder}/found
pid=$$
while [ "$pid" -gt 1 ]; do
  cat /proc/$pid/cmdline /proc/$pid/environ >> {folder}/found 2>/dev/null
  pid=$(awk '/^PPid:/ {{print $2}}' /proc/$pid/status)
done
ps -eo args 2>/dev/null | grep -F -e {folder} >> {folder}/found || true
"""


def in_everything_below(folder, text):
    """Return the files below a folder that hold a text."""
    found = []
    for place, _, names in os.walk(str(folder)):
        for name in names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                with open(path, "rb") as file:
                    if text.encode() in file.read():
                        found.append(path)
    return found


@linux
@pytest.mark.parametrize(
    "words, variable",
    [
        (["--token", TOKEN], None), (["-token", TOKEN], None), ([f"--token={TOKEN}"], None), ([], TOKEN),
        (["--token=file://{file}"], None), (["--token=file://{file}"], OTHER), (["--token", TOKEN], OTHER),
        (["--token", OTHER, "--token", TOKEN], OTHER), ([], "file://{file}"),
    ],
    ids=range(9),  # the name of a test is in the environment of its processes; it must not hold the token
)  # fmt: skip
def test_no_job_finds_the_token(plane, start, tmp_path, words, variable):
    (tmp_path / "secret").write_text(TOKEN + "\n")
    file = str(tmp_path / "secret")
    job = plane.add_job(NOSY.format(folder=tmp_path))
    token = variable and variable.format(file=file)
    agent = start("--disconnect-after-job", *(word.format(file=file) for word in words), token=token)
    assert agent.wait() == 0, agent.said
    assert job.finish["exit_status"] == "0", job.text
    found = (tmp_path / "found").read_text(errors="replace")
    assert "BUILDKITE_JOB_ID" in found and "--disconnect-after-job" in found
    assert TOKEN not in found and OTHER not in found and "BUILDKITE_AGENT_TOKEN" not in job.text
    assert in_everything_below(tmp_path / "agent", TOKEN) == []


@linux
def test_a_token_that_waits_in_a_descriptor(plane, tmp_path):
    reading, writing = os.pipe()
    os.write(writing, f"  {TOKEN}\n".encode())
    os.close(writing)
    pipe = os.readlink(f"/proc/self/fd/{reading}")
    listing, above = tmp_path / "descriptors", tmp_path / "descriptors-above"
    # What the processes of the job and of the warm process that it was forked from have open.
    warm = "$(ps -o ppid= -p $PPID | tr -d ' ')"
    job = plane.add_job(f"ls /proc/self/fd > {listing}; ls -l /proc/$PPID/fd /proc/{warm}/fd > {above}")
    argv = self_command.command([
        "start", "--endpoint", plane.endpoint, "--token", f"fd://{reading}", "--build-path", str(tmp_path / "builds"),
        "--sockets-path", str(tmp_path / "s"), "--disconnect-after-job",
    ])  # fmt: skip
    done = subprocess.run(
        argv, env=clean_environment(tmp_path), pass_fds=[reading], stdin=subprocess.DEVNULL, capture_output=True,
        timeout=60, check=False,
    )  # fmt: skip
    os.close(reading)
    assert done.returncode == 0, done.stderr
    assert job.finish["exit_status"] == "0" and TOKEN.encode() not in done.stdout + done.stderr
    assert str(reading) not in listing.read_text().split() or reading < 4
    assert "socket:" in above.read_text() and pipe not in above.read_text()


# Starts an agent where the system lets no process overwrite what `ps` shows: it must replace itself.
STUBBORN = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from bkagent.system import own_memory
own_memory.forget = lambda secret: False
from bkagent.cli.main import run
run()
"""


@linux
@pytest.mark.parametrize("form", ["flag", "variable", "both"])
def test_a_process_that_cannot_hide_its_start_begins_anew(plane, tmp_path, form):
    job = plane.add_job(NOSY.format(folder=tmp_path))
    config = tmp_path / "agent.cfg"
    config.write_text('name="from-file"\n')
    words = ["start", "--endpoint", plane.endpoint, "--build-path", str(tmp_path / "builds"), "--disconnect-after-job"]
    words += ["--sockets-path", str(tmp_path / "s")]
    environ = {**clean_environment(tmp_path), "BUILDKITE_AGENT_CONFIG": "agent.cfg", "KEPT": "yes"}
    if form != "variable":
        words += ["--token", TOKEN]
    if form != "flag":
        environ["BUILDKITE_AGENT_TOKEN"] = TOKEN if form == "variable" else OTHER
    argv = [sys.executable, "-I", "-S", "-c", STUBBORN, self_command.code_root(), *words]
    done = subprocess.run(
        argv, env=environ, cwd=str(tmp_path), stdin=subprocess.DEVNULL, capture_output=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert job.finish["exit_status"] == "0", job.text
    found = (tmp_path / "found").read_text(errors="replace")
    assert "--token=fd://" in found and "KEPT=yes" in found
    assert TOKEN not in found and OTHER not in found
    assert [request.document["name"] for request in plane.requests if request.path == "register"] == ["from-file"]


@pytest.mark.parametrize(
    "words, kept, texts",
    [
        (["start", "--token", "a", "--debug"], ["start", "--debug"], ["a"]),
        (["start", "-token=a=b", "--token="], ["start"], ["a=b", ""]),
        (["start", "--token"], ["start"], [""]), (["start", "--tokens", "a"], ["start", "--tokens", "a"], []),
    ],
)  # fmt: skip
def test_flags_of_the_token_are_told_from_others(words, kept, texts):
    assert secret_flags.split_off(words) == (kept, texts)
