"""Locks of the jobs of one machine, over a named pipe: from batch files, and over the death of the agent that leads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Callable, Dict, List

import pytest

from tests.fakes.control_plane import deadline
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import WineSession

WAIT = "import os, sys, time; exec('while not os.path.exists(sys.argv[1]): time.sleep(0.01)')"
FIRST = """
buildkite-agent lock do set-up
buildkite-agent lock done set-up
buildkite-agent lock acquire deploy> token
"{python}" -I -c "{wait}" "{released}"
set /p TOKEN=<token
buildkite-agent lock release deploy "%TOKEN%"
"""
SECOND = """
buildkite-agent lock do set-up
buildkite-agent lock acquire deploy
echo the second has it
"""


class Locks:
    """Asks the leader of a folder of sockets, as a program outside jobs."""

    def __init__(self, wine: WineSession, archive: str, folder: Path) -> None:
        self._wine, self._archive, self.folder = wine, archive, folder

    def listed(self) -> List[Dict[str, Any]]:
        words = ("lock", "list", "--json", "--sockets-path", self._wine.windows_path(self.folder))
        argv = [self._wine.python("3.13"), "-I", "-S", self._wine.windows_path(self._archive), *words]
        rows: List[Dict[str, Any]] = json.loads(self._wine.run(*argv, check=True).stdout)
        return rows

    def wait_for(self, condition: Callable[[Dict[str, Dict[str, Any]]], object]) -> None:
        """Wait until the rows, by their keys, are as the condition says."""
        patient = deadline()
        while not condition({row["key"]: row for row in self.listed()}):
            assert patient(), self.listed()

    def leader_pid(self) -> int:
        return int((self.folder / "agent-leader").read_text().rpartition("-agent-")[2].partition("-")[0])


@pytest.fixture
def locks(wine: WineSession, packed_archive: str, tmp_path: Path) -> Locks:
    return Locks(wine, packed_archive, tmp_path / "sockets")


def test_jobs_share_a_lock_over_the_death_of_the_process_that_leads(
    start_agent: Callable[..., WindowsAgent], wine: WineSession, locks: Locks, python: str, tmp_path: Path
) -> None:
    released = tmp_path / "released"
    flags = ("--agent-api", "--spawn", "2", "--sockets-path", wine.windows_path(locks.folder))
    agent = start_agent(python, *flags)
    assert agent.wait_said("This agent became leader"), agent.said
    words = {"python": wine.python(python), "wait": WAIT, "released": wine.windows_path(released)}
    first = agent.plane.add_job(FIRST.format(**words))
    locks.wait_for(lambda rows: "deploy" in rows)
    second = agent.plane.add_job(SECOND)
    locks.wait_for(lambda rows: rows["deploy"]["waiting"] == 1)
    leader = locks.leader_pid()
    wine.end_tree(leader)
    locks.wait_for(lambda rows: locks.leader_pid() != leader and rows["deploy"]["waiting"] == 1)
    assert [row["holders"][0]["job"] for row in locks.listed() if row["key"] == "deploy"] == [first.id]
    released.touch()
    assert first.wait_finished() and second.wait_finished(), agent.said
    assert (first.finish["exit_status"], second.finish["exit_status"]) == ("0", "0"), first.text + second.text
    assert "do" in first.text.splitlines() and "the second has it" in second.text.splitlines()
    assert "done" in second.text.splitlines()
    locks.wait_for(lambda rows: "deploy" not in rows)  # by the end of its job, which did not release it
    assert "another one is started" in agent.said and "Traceback" not in agent.said


def test_another_agent_leads_when_that_which_leads_is_killed(
    start_agent: Callable[..., WindowsAgent], wine: WineSession, locks: Locks, tmp_path: Path
) -> None:
    flags = ("--agent-api", "--sockets-path", wine.windows_path(locks.folder))
    former = start_agent("3.13", *flags)
    assert former.wait_said("This agent became leader"), former.said
    other = start_agent("3.13", *flags, root=tmp_path / "other")
    assert other.wait_said("Waiting for instructions")
    former.kill()
    assert other.wait_said("This agent became leader"), other.said
    assert locks.listed() == [] and other.disconnect() == 0
    assert not (locks.folder / "agent-leader").exists()
