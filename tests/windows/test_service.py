"""The agent as a service: its whole life, and what is said where something is wrong."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from pathlib import Path
from subprocess import CompletedProcess
from typing import Callable, Iterator

import pytest

from tests.fakes.control_plane import FakeControlPlane, FakeJob, deadline
from tests.windows.wine_session import WineSession

_ACCOUNT = "NT SERVICE\\"
_SERVICES = "HKLM\\SYSTEM\\CurrentControlSet\\Services\\"
_SOURCES = _SERVICES + "EventLog\\Application\\"


class _Service:
    """A service of one name; `call` runs one of the verbs for it."""

    def __init__(self, wine: WineSession, python: str, archive: str, plane: FakeControlPlane, folder: Path) -> None:
        self.wine, self.python, self.plane = wine, wine.python(python), plane
        self.name = f"bk-{uuid.uuid4().hex[:8]}"
        self.folder = wine.prefix / "drive_c" / "ProgramData" / "bkagent" / self.name
        self.log = self.folder / "logs" / "service.log"
        self.archive = str(folder / "with space" / "bkagent.pyz")
        os.mkdir(os.path.dirname(self.archive))
        shutil.copy(archive, self.archive)
        self.config = folder / "bkagent.cfg"
        self.config.write_text(f"name=boxed\nendpoint={plane.endpoint}\ncancel-grace-period=2\n", encoding="utf-8")

    def call(self, verb: str, *words: str, stdin: str = "") -> "CompletedProcess[str]":
        argv = [self.python, "-I", "-S", self.wine.windows_path(self.archive), "service", verb, "--name", self.name]
        return self.wine.run(*argv, *words, stdin=stdin.encode())

    def install(self, *words: str) -> "CompletedProcess[str]":
        own = ["--run-as", _ACCOUNT + self.name, "--config", self.wine.windows_path(self.config)]
        return self.call("install", *own, *words, stdin=self.plane.token + "\n")

    def run_job(self, command: str) -> FakeJob:
        job = self.plane.add_job(command)
        assert job.wait_finished(), self.said
        return job

    def start_job(self, command: str) -> FakeJob:
        job = self.plane.add_job(f"echo begun & {command}")
        assert job.wait_printed(b"begun"), self.said
        return job

    @property
    def said(self) -> str:
        return self.log.read_text(encoding="utf-8") if self.log.exists() else ""

    def wait_stopped(self) -> None:
        patient = deadline()
        while self.call("status").returncode != 3:
            assert patient(), self.said
            time.sleep(0.2)


@pytest.fixture
def make_service(
    wine: WineSession, plane: FakeControlPlane, packed_archive: str, tmp_path: Path
) -> Iterator[Callable[[str], _Service]]:
    """Return what makes a service for a version of Python; what is installed at the end is removed."""
    services = []

    def make(version: str) -> _Service:
        services.append(_Service(wine, version, packed_archive, plane, tmp_path))
        return services[-1]

    yield make
    for service in services:
        if service.call("status").returncode == 0:
            service.call("stop")
        service.call("remove")


def test_the_whole_life_of_a_service(make_service: Callable[[str], _Service], python: str) -> None:
    service = make_service(python)
    installed = service.install("--drain-timeout", "5m", "--", "--tags", "queue=windows boxes")
    assert installed.returncode == 0 and installed.stderr == "", installed
    assert (service.folder / "token").read_text(encoding="utf-8") == service.plane.token + "\n"
    status = service.call("status")
    assert status.returncode == 3 and service.plane.token not in status.stdout
    assert f'bkagent.pyz" service-process --name {service.name} --drain-timeout 5m -- ' in status.stdout
    registry = [service.wine.run("reg", "query", key + service.name, "/s").stdout for key in (_SERVICES, _SOURCES)]
    assert "Runs jobs of Buildkite pipelines" in registry[0] and service.plane.token not in registry[0]
    assert "EventCreate.exe" in registry[1]
    again = service.install()
    assert again.returncode == 1 and again.stderr.startswith(
        f"bkagent: fatal: there is a service {service.name} already"
    )

    assert service.call("start").returncode == 0, service.said
    job = service.run_job("echo of a service")
    assert job.finish["exit_status"] == "0" and "of a service" in job.text
    (session,) = service.plane.sessions.values()
    assert session["registration"]["meta_data"] == ["queue=windows boxes"]
    assert service.call("status").returncode == 0
    assert "is already running" in service.call("start").stderr
    assert "stop it first" in service.call("remove").stderr

    job = service.start_job("ping -n 3 127.0.0.1 >nul & echo drained")
    stopped = service.call("stop")
    assert stopped.returncode == 0 and stopped.stdout == f"The service {service.name} has stopped.\n"
    assert job.finish["exit_status"] == "0" and "drained" in job.text
    assert "is not running" in service.call("stop").stderr
    assert session["state"] == "disconnected"

    logs = service.call("logs", "--lines", "2").stdout.splitlines()
    assert len(logs) == 2 and logs[1].endswith("Disconnected"), logs
    assert "waiting for the running jobs, which are cancelled after 5m" in service.said
    assert service.plane.token not in service.said

    removed = service.call("remove")
    assert removed.returncode == 0 and not (service.folder / "token").exists() and service.log.exists()
    assert "EventCreate.exe" not in service.wine.run("reg", "query", _SOURCES + service.name).stdout
    assert service.call("status").stderr.startswith(f"bkagent: fatal: there is no service {service.name};")


def test_what_a_cancelled_job_left_is_delivered_by_the_next_start(
    make_service: Callable[[str], _Service], python: str
) -> None:
    """As at a shutdown of the machine, which Wine does not tell services of."""
    service = make_service(python)
    assert service.install("--drain-timeout", "0s").returncode == 0
    assert service.call("start").returncode == 0, service.said
    job = service.start_job("ping -n 60 127.0.0.1 >nul & echo not reached")
    outage = service.plane.break_down(r"PUT jobs/.*/finish", 500)
    assert service.call("stop").returncode == 0, service.said
    assert not job.finishes and "cancelling the running jobs" in service.said
    outage.end()
    assert service.call("start").returncode == 0, service.said
    assert job.wait_finished(), service.said
    # Ended with grace: the job's process could be asked to, although a service has no console.
    assert job.finish["signal_reason"] == "agent_stop" and "signal" not in job.finish
    assert "\nnot reached" not in job.text


def test_an_agent_that_cannot_start_is_a_failure_with_its_exit_code(make_service: Callable[[str], _Service]) -> None:
    service = make_service("3.13")
    service.config.write_text("endpoint=http://127.0.0.1:9/v3\n", encoding="utf-8")
    assert service.install().returncode == 0
    service.config.write_text("spawn=2\nspawn-per-cpu=2\n", encoding="utf-8")
    started = service.call("start")
    assert started.returncode == 1 and "has ended with exit code 1: " in started.stderr, started
    assert "spawn and spawn-per-cpu are mutually exclusive" in started.stderr
    assert "stopped (exit code 1)" in service.call("status").stdout
    service.config.write_text(f"endpoint={service.plane.endpoint}\n", encoding="utf-8")
    (service.folder / "token").write_text("a wrong token", encoding="utf-8")
    assert "Invalid agent token" in service.call("start").stderr


def test_a_python_that_is_gone_is_named(make_service: Callable[[str], _Service], tmp_path: Path) -> None:
    service = make_service("3.8")
    bed_python = service.wine.unix_path(service.python).parent
    shutil.copytree(str(bed_python), str(tmp_path / "python"), copy_function=os.link)
    service.python = service.wine.windows_path(tmp_path / "python" / "python.exe")
    assert service.install().returncode == 0
    (tmp_path / "python").rename(tmp_path / "gone")
    service.python = service.wine.python("3.8")
    assert "as its Python or its archive is missing" in service.call("start").stderr


def test_programs_in_a_profile_are_refused(make_service: Callable[[str], _Service], packed_archive: str) -> None:
    service = make_service("3.8")
    profile = service.wine.prefix / "drive_c" / "users" / "root"
    shutil.copy(packed_archive, str(profile / "bkagent.pyz"))
    service.archive = str(profile / "bkagent.pyz")
    refused = service.install()
    (profile / "bkagent.pyz").unlink()
    assert refused.returncode == 1 and "is in the profile of one user, where NT SERVICE" in refused.stderr


def test_a_user_needs_a_password_which_is_stored_nowhere(make_service: Callable[[str], _Service]) -> None:
    service = make_service("3.13")
    words = ["install", "--run-as", r".\root", "--config", service.wine.windows_path(service.config)]
    nothing = service.call(*words)
    assert nothing.returncode == 1 and r"standard input has no line for: Password of .\root" in nothing.stderr
    unknown = service.call("install", "--run-as", r"NOWHERE\bob", "--config", words[-1])
    assert unknown.returncode == 1 and "Windows does not know the account" in unknown.stderr
    installed = service.call(*words, stdin=f"pass word\n{service.plane.token}\n")
    assert installed.returncode == 0 and '"Log on as a service"' in installed.stdout, installed
    stored = service.wine.run("reg", "query", _SERVICES + service.name, "/s").stdout
    assert r".\root" in stored and "pass word" not in stored
    assert service.call("start").returncode == 0 and "pass word" not in service.said
    assert service.call("stop").returncode == 0 and service.call("remove").returncode == 0
    other = service.install()
    assert other.returncode == 1 and "is of a service that ran as another account (S-1-5-" in other.stderr, other
    assert service.call("status").returncode == 1  # nothing of it was installed


@pytest.mark.parametrize("account", ["LocalSystem", r"NT AUTHORITY\LocalService"])
def test_an_account_that_windows_cannot_look_up_by_its_name_is_known(
    make_service: Callable[[str], _Service], account: str
) -> None:
    service = make_service("3.13")
    words = ("install", "--run-as", account, "--config", service.wine.windows_path(service.config))
    installed = service.call(*words, stdin=service.plane.token + "\n")
    assert installed.returncode == 0 and f"which runs as {account}" in installed.stdout, installed
    assert ("WARN" in installed.stderr) == (account == "LocalSystem")


def test_a_folder_that_another_user_has_made_before_is_refused(make_service: Callable[[str], _Service]) -> None:
    service = make_service("3.8")
    service.folder.mkdir(parents=True)
    os.chown(str(service.folder), 12345, 12345)
    refused = service.install()
    assert refused.returncode == 1 and "belongs to another user" in refused.stderr, refused
    assert service.call("status").returncode == 1 and list(service.folder.iterdir()) == []


_WITHOUT_RIGHTS = """
import sys
sys.path.insert(0, sys.argv[1])
from bkagent.cli.service import sentences
from bkagent.system.service import _service_manager_windows as manager
manager._START = manager._QUERY_STATUS  # the right to ask alone, which every user has
try:
    with sentences.explained(sys.argv[2]):
        manager.start(sys.argv[2])
except Exception as error:
    print(error)
"""


def test_other_programs_services_and_missing_rights_are_named(
    make_service: Callable[[str], _Service], wine: WineSession
) -> None:
    service = make_service("3.13")
    by_hand = wine.run(service.python, wine.windows_path(service.archive), "service-process")
    assert by_hand.returncode == 1 and "service-process is run by Windows alone" in by_hand.stderr
    assert service.install().returncode == 0
    source = wine.windows_path(Path(__file__).resolve().parents[2])
    denied = wine.run(service.python, "-I", "-S", "-c", _WITHOUT_RIGHTS, source, service.name)
    assert denied.stdout.startswith("only administrators may do this to the service"), denied
    assert service.call("remove").returncode == 0
    service.name = "PlugPlay"
    for verb in ("remove", "stop", "start"):
        assert "the service PlugPlay is not one of bkagent" in service.call(verb).stderr
    service.name = "bkagent"
