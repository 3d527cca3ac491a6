"""Groups of the kernel's that hold jobs."""

import os
import subprocess
import sys

import pytest

from bkagent.system import job_group
from tests.conftest import TOP

CODE = f"""
import sys
sys.path.insert(0, {TOP!r})
from bkagent.system import job_group
group = job_group.enter(sys.argv[1])
if group is None:
    sys.exit(9)
print("in", flush=True)
sys.stdin.read()
group.kill()
print("out", flush=True)
"""


def _start(name: str) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-c", CODE, name]
    return subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, universal_newlines=True)


def test_many_are_made_at_once_and_all_are_gone_afterwards() -> None:
    tag = os.urandom(4).hex()
    made = [_start(f"{tag}{number}") for number in range(12)]
    said = [one.stdout.readline() for one in made if one.stdout]
    for one in made:
        one.communicate("")
    if {one.returncode for one in made} == {9}:
        pytest.skip("this user may make no groups here")
    assert said == ["in\n"] * 12
    with open("/proc/self/mounts", encoding="utf-8") as mounts:
        folders = [line.split()[1] for line in mounts if line.split()[2] == "cgroup2"]
    assert not [name for folder in folders for name in os.listdir(folder) if name.startswith(job_group.PREFIX + tag)]
