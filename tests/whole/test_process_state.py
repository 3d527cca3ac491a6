"""What a job's processes are started with, in whichever way their agent was started: what the reference's are.

Expected is what processes of jobs of buildkite-agent 3.137.0 had, started in the same ways: with usual signals whatever
its starter ignored, but for the few that Go leaves alone; and with everything else as the starter left it.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, FrozenSet, Iterator, NamedTuple, Tuple

import pytest

from tests.fakes import start_ways
from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# The shell's own process group and files would be in the way: what is looked at is `cat` and `ls`.
_PROBE = """#!/bin/bash
cat /proc/self/status /proc/self/limits /proc/self/stat > "$PROBES/.$1"
ls -l /proc/self/fd > "$PROBES/.$1.fd"
mv "$PROBES/.$1.fd" "$PROBES/$1.fd"
mv "$PROBES/.$1" "$PROBES/$1"
"""
_GIT = """#!/bin/bash
for word; do case $word in clone|log) "$PROBES/../probe" "git-$word"; break; esac; done
PATH=${{PATH#{bin}:}} exec git "$@"
"""
_HOOKS = ("pre-bootstrap", "environment", "pre-checkout", "post-checkout", "pre-command", "post-command", "pre-exit")
# `git log` is started by a command of ours in the job.
_PROBED = {*_HOOKS, "command", "plugin", "git-clone", "git-log"}
_UPLOAD = "steps: [{command: x, if_changed: a}]"
# Without a terminal, as each of them is with the reference.
_PIPED = {"pre-bootstrap", "git-log"}


class Facts(NamedTuple):
    """What a process was started with. `files` and `stack` are soft and hard limits."""

    ignored: FrozenSet[int] = frozenset()
    blocked: FrozenSet[int] = frozenset()
    umask: str = "0022"
    nice: int = 0  # more than that of the tests
    files: Tuple[str, ...] = ()
    stack: Tuple[str, ...] = ()
    descriptors: FrozenSet[int] = frozenset()


# Go's runtime leaves these alone; the last is the first real-time signal.
_LEFT_IGNORED = frozenset({18, 20, 21, 22, 34})
# The C library keeps these for itself: no program of C can set them, and glibc's posix_spawn, by which newer Pythons
# start the tests' workers, has them ignored in what it starts.
_OF_THE_C_LIBRARY = frozenset({32, 33})
_NEVER_BLOCKED = frozenset({*range(1, 10), 11, 15, 16, 17, 19, 23, 27, 31, 32, 33, 34})
_WAYS: "Dict[str, Facts]" = {
    "from_a_shell": Facts(),
    "by_nohup": Facts(),
    "in_background_of_a_script": Facts(),
    "by_cron": Facts(),
    "by_systemd": Facts(umask="0027", nice=2, files=("512", "4096"), stack=("4194304", "8388608")),
    "with_every_signal_ignored": Facts(ignored=_LEFT_IGNORED & set(start_ways.EVERY_SIGNAL)),
    "with_every_signal_blocked": Facts(blocked=frozenset(start_ways.EVERY_SIGNAL) - _NEVER_BLOCKED),
    "with_open_descriptors": Facts(descriptors=frozenset(start_ways.INHERITED_DESCRIPTORS)),
    "without_standard_files": Facts(),
}


class Site:
    """Repositories, hooks and programs that write down what they were started with."""

    def __init__(self, root: Path) -> None:
        self.root, self.probes = root, root / "probes"
        self.hooks, self._bin = root / "hooks", root / "bin"
        for folder in (self.probes, self.hooks, self._bin):
            folder.mkdir()
        _write_program(root / "probe", _PROBE)
        _write_program(self._bin / "git", _GIT.format(bin=self._bin))
        for name in _HOOKS:
            path = f"export PATH={self._bin}:$PATH PROBES={self.probes}"
            _write_program(self.hooks / name, f"#!/bin/bash\n{path}\n{root}/probe {name}\n")
        self.repository = self._repository("repository", "a", "1")
        hook = f"#!/bin/bash\n{root}/probe plugin\n"
        self.plugin = self._repository("probe-buildkite-plugin", "hooks/pre-command", hook)
        self.command = (
            f"{root}/probe command; echo '{_UPLOAD}' > p.yml; buildkite-agent pipeline upload --dry-run p.yml > up.json"
        )

    def env(self) -> "Dict[str, str]":
        return {
            "BUILDKITE_SKIP_CHECKOUT": "false", "BUILDKITE_REPO": f"file://{self.repository}",
            "BUILDKITE_PLUGINS": json.dumps([{f"file://{self.plugin}": None}]),
        }  # fmt: skip

    def facts(self, name: str) -> Facts:
        """Return what a process was started with; asserts what is the same for all ways."""
        text = (self.probes / name).read_text(encoding="ascii", errors="replace")
        values = dict(re.findall(r"^(\w+):\s*(.*)$", text, re.MULTILINE))
        numbers = text.splitlines()[-1].rpartition(")")[2].split()
        files = dict(re.findall(r" (\d+) -> (.*)$", (self.probes / f"{name}.fd").read_text("utf-8"), re.MULTILINE))
        assert (files["0"] == os.devnull) == (name in _PIPED), files
        assert name in _PIPED or files["0"] == files["2"] and files["0"].startswith("/dev/pts/"), files
        # Not the listing itself, its folder, and the scripts of shells whose own files lie high.
        own = {number for number, target in files.items() if int(number) > 2 and target == os.devnull}
        return Facts(
            ignored=_set(values["SigIgn"]) - _OF_THE_C_LIBRARY, blocked=_set(values["SigBlk"]), umask=values["Umask"],
            nice=int(numbers[16]) - os.nice(0), files=_limit(text, "Max open files"),
            stack=_limit(text, "Max stack size"), descriptors=frozenset(map(int, own)),
        )  # fmt: skip

    def _repository(self, name: str, path: str, text: str) -> Path:
        folder = self.root / name
        (folder / path).parent.mkdir(parents=True)
        _write_program(folder / path, text)
        for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "first"]):
            subprocess.run(["git", *words], cwd=folder, check=True)
        return folder


def _write_program(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o755)


def _set(mask: str) -> "FrozenSet[int]":
    return frozenset(number for number in range(1, 65) if int(mask, 16) >> (number - 1) & 1)


def _limit(text: str, name: str) -> "Tuple[str, ...]":
    (line,) = (line for line in text.splitlines() if line.startswith(name))
    return tuple(line[len(name) :].split()[:2])


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


@pytest.fixture
def plane() -> "Iterator[FakeControlPlane]":
    with FakeControlPlane(ping_interval=0.2, job_status_interval=0.1, chunk_interval=0.1) as running:
        yield running


def _run_job(archive: str, plane: FakeControlPlane, site: Site, way: str, *flags: str) -> "Dict[str, Facts]":
    # By its Python: /bin/sh, whose script is the archive's first part, may unblock every signal by itself.
    program = [sys.executable, start_ways.__file__, way, sys.executable, archive]
    flags = ("--hooks-path", str(site.hooks), "--plugins-path", str(site.root / "plugins"), *flags)
    agent = AgentProcess(site.root / "agent", plane.endpoint, *flags, program=program)
    with agent:
        job = plane.add_job(site.command, site.env())
        assert job.wait_finished(), agent.said
        assert job.finish["exit_status"] == "0", job.text
        agent.signal("SIGTERM")  # heard, though it may have been started to ignore or block it
        assert agent.wait() == 0, agent.said
    assert {path.stem for path in site.probes.glob("[!.]*.fd")} == _PROBED, job.text
    return {name: site.facts(name) for name in sorted(_PROBED)}


def _expected(usual: Facts, changes: Facts) -> "Dict[str, Any]":
    return {
        **changes._asdict(), "files": changes.files or usual.files, "stack": changes.stack or usual.stack,
    }  # fmt: skip


def _own_limits() -> Facts:
    text = Path("/proc/self/limits").read_text(encoding="ascii")
    _, hard = _limit(text, "Max open files")
    return Facts(files=("1024", hard), stack=_limit(text, "Max stack size"))


@pytest.mark.parametrize("way", _WAYS)
def test_processes_of_a_job_are_started_as_by_the_reference(
    archive: str, plane: FakeControlPlane, site: Site, way: str
) -> None:
    facts = _run_job(archive, plane, site, way)
    assert {name: each._asdict() for name, each in facts.items()} == dict.fromkeys(
        facts, _expected(_own_limits(), _WAYS[way])
    )


def test_a_job_process_that_is_no_fork_starts_them_in_the_same_state(
    archive: str, plane: FakeControlPlane, site: Site
) -> None:
    script = f"{sys.executable} {archive} bootstrap"
    facts = _run_job(archive, plane, site, "with_every_signal_ignored", "--bootstrap-script", script)
    assert {each.ignored for each in facts.values()} == {_WAYS["with_every_signal_ignored"].ignored}
