"""The agent as a service: accounts, what they see, what Windows is told, and the log; all that needs no Windows."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

import pytest

from bkagent.agent.shutdown import FORCED, GRACEFUL, RUN, Shutdown
from bkagent.cli.command import Call, Command
from bkagent.cli.commands import service_install
from bkagent.cli.log import Log
from bkagent.cli.service import accounts, agent_service, installation, log_view, rotated_log, sentences, visibility
from bkagent.cli.service.agent_service import AgentService
from bkagent.cli.service.service_folder import ServiceFolder
from bkagent.cli.service.status_reports import StatusReports
from bkagent.config.options import services
from bkagent.config.settings import Source, resolve
from bkagent.errors import AgentError, ConfigError
from bkagent.system.service import service_account
from bkagent.system.service.service_types import SHUTDOWN, STOP, ServiceError, ServiceStatus
from tests.cli.conftest import Run


def test_elsewhere_each_verb_says_that_services_are_those_of_windows(run: Run) -> None:
    for verb in ("install", "logs", "remove", "start", "status", "stop"):
        done = run("service", verb)
        assert done.returncode == 1 and done.stdout == ""
        assert done.stderr.startswith(f'bkagent: fatal: "service {verb}" works on Windows only in this release; here,')
        assert "systemd" in done.stderr and "bkagent start" in done.stderr and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "text, account, needs_password",
    [
        (r"nt service\BUILDS", r"NT SERVICE\builds", False),
        ("ACME\\agents$", "ACME\\agents$", False),
        (r"NT AUTHORITY\LocalService", r"NT AUTHORITY\LocalService", False),
        ("LocalSystem", "LocalSystem", False),
        ("ACME\\bob", "ACME\\bob", True),
        (r".\bob", r".\bob", True),
        ("bob@acme.example", "bob@acme.example", True),
    ],
)
def test_an_account_needs_a_password_only_where_windows_has_none(text: str, account: str, needs_password: bool) -> None:
    parsed = accounts.parse(text, "builds")
    assert (parsed.account, parsed.needs_password) == (account, needs_password)
    assert parsed.sid.startswith("S-1-5-80-") == account.startswith("NT SERVICE")
    assert parsed.is_system == (account == "LocalSystem") == (parsed.sid == "S-1-5-18")


@pytest.mark.parametrize("text", ["bob", "\\bob", "ACME\\", "A\\B\\C", "@", "bob@", r"NT SERVICE\other", "ACME\\$"])
def test_an_invalid_account_is_refused_with_the_legal_forms(text: str) -> None:
    with pytest.raises(ConfigError, match=r"NT SERVICE\\builds"):
        accounts.parse(text, "builds")


def test_the_id_of_a_virtual_account_is_that_of_windows() -> None:
    # Published at https://learn.microsoft.com/windows-server/identity/ad-ds/manage/understand-security-identifiers
    expected = "S-1-5-80-956008885-3418522649-1831038044-1853292631-2271478464"
    assert service_account.virtual_account_sid("TrustedInstaller") == expected


_PYTHON = "Programs\\Python\\python.exe"


@pytest.mark.parametrize(
    "path, problem",
    [
        (r"C:\Python\python.exe", ""),
        (r"C:\Users\Public\Python\python.exe", ""),
        (r"C:\USERS\agents\python.exe", ""),
        (r"\\server\share\python.exe", ""),
        (r"C:\Usersomething\python.exe", ""),
        (r"c:\users\bob\AppData\Local" + "\\" + _PYTHON, "in the profile of one user, where ACME\\agents$ cannot read"),
        (r"C:\Python\..\Users\bob\python.exe", "in the profile of one user"),
        (r"C:\Users\bob\AppData\Local\Microsoft\WindowsApps\python.exe", "would end with exit code 9009"),
        (r"C:\Program Files\WindowsApps\PythonSoftwareFoundation.Python\python.exe", "from the Microsoft Store"),
        (r"N:\tools\python.exe", "on a drive that only your own session has"),
    ],
)
def test_a_program_that_the_account_cannot_see_is_refused_with_what_to_do(path: str, problem: str) -> None:
    view = visibility.AccountView("ACME\\agents$", r"C:\Users", r"C:\Users\Agents", lambda path: path[:2] == "N:")
    if not problem:
        visibility.require_visible(path, "Python", visibility.PYTHON_HINT, view)
        return
    with pytest.raises(ConfigError) as refused:
        visibility.require_visible(path, "Python", visibility.PYTHON_HINT, view)
    assert str(refused.value).startswith(f"the Python {path} is ") and problem in str(refused.value)


def test_the_name_of_a_service_is_a_plain_file_name() -> None:
    assert ServiceFolder("bk-agent_2.x", {"PROGRAMDATA": "/data"}).token.endswith(os.path.join("bk-agent_2.x", "token"))
    for name in ("", "a/b", "a\\b", "..", ".a", "a.", "a b", "é", "a" * 81):
        with pytest.raises(ConfigError, match="name must be"):
            ServiceFolder(name, {})


@pytest.mark.parametrize(
    "code, words",
    [(5, "Run as administrator"), (1073, "choose another --name"), (1069, "Log on as a service"), (1060, "no service")],
)
def test_what_windows_refuses_is_a_sentence(code: int, words: str) -> None:
    with pytest.raises(AgentError, match=words) as raised, sentences.explained("builds"):
        raise ServiceError(code, "Windows' own words")
    assert "builds" in str(raised.value) and "\n" not in str(raised.value)


def test_an_unknown_refusal_is_told_in_the_words_of_windows() -> None:
    assert sentences.sentence(ServiceError(4321, "It is Monday."), "x") == (
        "the service x: It is Monday. (Windows error 4321)"
    )


def test_checkpoints_rise_while_a_service_starts_or_stops() -> None:
    told: "List[ServiceStatus]" = []
    reports = StatusReports(told.append)
    assert reports.move("starting")
    reports.report_progress()
    assert reports.move("running")
    reports.report_progress()  # nothing to tell
    assert reports.move("stopping") and not reports.move("running")
    reports.report_progress()
    reports.report_progress()
    assert reports.move("stopped", 7) and not reports.move("stopping") and not reports.move("stopped")
    reports.report_progress()
    assert [(status.state, status.checkpoint) for status in told] == [
        ("starting", 1), ("starting", 2), ("running", 0), ("stopping", 1), ("stopping", 2), ("stopping", 3),
        ("stopped", 0),
    ]  # fmt: skip
    assert all((status.wait_hint_s > 0) == (status.state in ("starting", "stopping")) for status in told)
    assert [status.exit_status for status in told] == [0, 0, 0, 0, 0, 0, 7]


class _FakeProcess:
    """Stands for the service control manager."""

    def __init__(self, name: str, obey: Callable[[str], None]) -> None:
        self.obey = obey
        self.told: "List[ServiceStatus]" = []

    def set_status(self, status: ServiceStatus) -> None:
        self.told.append(status)


class _Life:
    """A service whose agent ends with `status`, after `act` has seen it run."""

    def __init__(self, drain_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(agent_service, "ServiceProcess", _FakeProcess)
        self.logoffs_outlived: "List[bool]" = []
        monkeypatch.setattr(agent_service.signals, "outlive_logoffs", lambda: self.logoffs_outlived.append(True))
        self.service = AgentService("builds", drain_s)
        self.process: "_FakeProcess" = self.service._process  # type: ignore[assignment]
        self.stop = Shutdown()
        self.messages: "List[Tuple[str, str]]" = []
        self._monkeypatch = monkeypatch

    def run(self, log: Path, status: int, act: Callable[[], None], is_registered: bool = True) -> "List[ServiceStatus]":
        def start(call: Call, follow: "Optional[Callable[..., None]]" = None) -> int:
            assert follow is not None
            follow(self.stop, lambda level, text, event="": self.messages.append((level, text)))
            if is_registered:
                call.report("info", "registered", "agent.registered")
            act()
            return status

        self._monkeypatch.setattr("bkagent.cli.commands.start.run", start)
        self._monkeypatch.setattr("sys.stdout", io.StringIO())
        self._monkeypatch.setattr("sys.stderr", io.StringIO())
        self.service.run(Command("start", lambda call: 0), [], str(log))
        return self.process.told


def test_a_stop_lets_jobs_end_and_cancels_them_after_the_drain_timeout(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = _Life(0.05, monkeypatch)
    levels: "List[int]" = []

    def act() -> None:
        life.stop.on_request(levels.append)
        life.process.obey(STOP)
        assert life.stop.wait(60, FORCED)

    told = life.run(tmp_path / "log", 1, act)
    assert levels == [GRACEFUL, FORCED]
    assert [status.state for status in told] == ["starting", "running", "stopping", "stopped"]
    assert told[-1].exit_status == 0  # it was asked for: Windows would start it again after a failure
    assert ("warn", "The running jobs did not end within 0.05s: cancelling them") in life.messages


@pytest.mark.parametrize("control, drain_s", [(SHUTDOWN, 600.0), (STOP, 0.0)])
def test_a_shutdown_of_the_machine_cancels_jobs_at_once(
    control: str, drain_s: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = _Life(drain_s, monkeypatch)
    life.run(tmp_path / "log", 0, lambda: life.process.obey(control))
    assert life.stop.level == FORCED


def test_an_agent_that_ends_by_itself_with_an_error_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    life = _Life(600.0, monkeypatch)
    told = life.run(tmp_path / "log", 3, lambda: None)
    assert [status.state for status in told] == ["starting", "running", "stopped"] and told[-1].exit_status == 3
    assert life.stop.level == RUN and life.logoffs_outlived
    refused = _Life(600.0, monkeypatch).run(tmp_path / "log", 1, lambda: None, is_registered=False)
    assert [status.state for status in refused] == ["starting", "stopped"]


def test_a_full_log_begins_anew_and_four_earlier_ones_stay(tmp_path: Path) -> None:
    path = str(tmp_path / "service.log")
    log = rotated_log.open_text(path, full_bytes=10)
    for number in range(8):
        log.write(f"line {number}\n")
    names = sorted(entry.name for entry in tmp_path.iterdir())
    assert names == ["service.log", *(f"service.log.{number}" for number in range(1, 5))]
    assert (tmp_path / "service.log").read_text() == "line 7\n" and (
        tmp_path / "service.log.4"
    ).read_text() == "line 3\n"
    assert log_view.last_lines(path, 3) == ([b"line 5\n", b"line 6\n", b"line 7\n"], 7)


def test_a_log_that_cannot_be_renamed_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(tmp_path / "service.log")
    log = rotated_log.open_text(path, full_bytes=10)

    def refuse(source: str, goal: str) -> None:
        raise PermissionError(13, "another program has it open")

    log.write("line 0\n")
    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", refuse)
        log.write("line 1\n")
    assert (tmp_path / "service.log").read_text() == "line 0\nline 1\n"
    log.write("line 2\n")
    assert (tmp_path / "service.log").read_text() == "line 2\n"


def test_following_a_log_goes_on_in_the_next_file(tmp_path: Path) -> None:
    path = str(tmp_path / "service.log")
    assert log_view.last_lines(path, 5, is_required=False) == ([], 0)
    assert log_view.write_news(path, 0, io.BytesIO()) == 0  # still none
    log = rotated_log.open_text(path, full_bytes=20)
    log.write("first line\n")
    out = io.BytesIO()
    _, end = log_view.last_lines(path, 0)
    log.write("second\n")
    log.write("third\n")  # into a new file
    end = log_view.write_news(path, end, out)
    assert out.getvalue() == b"second\nthird\n"
    assert log_view.write_news(path, end, out) == end and out.getvalue().count(b"\n") == 2


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Callable[..., installation.Installation]":
    monkeypatch.setattr(service_account, "profiles_folder", lambda: "/home")
    monkeypatch.setattr(service_account, "profile_folder", lambda sid: "")
    monkeypatch.setattr(service_account, "is_mapped_drive", lambda path: False)

    def plan(flags: "Dict[str, List[str]]", *words: str, config: str = "") -> installation.Installation:
        environ = {"PROGRAMDATA": str(tmp_path / "program data"), "HOME": str(tmp_path)}
        path = tmp_path / "bkagent.cfg"
        path.write_text(config, encoding="utf-8")
        settings = resolve(services.INSTALL, Source({"config": [str(path)], **flags}, {}), lambda text: None)
        out = io.StringIO()
        call = Call(service_install.COMMAND, settings, list(words), environ, out, out, out, Log(settings, out, out, {}))
        account = accounts.parse("NT SERVICE\\bkagent", "bkagent")
        return installation.Installation(call, ServiceFolder("bkagent", environ), account)

    return plan


def test_the_command_line_has_all_that_the_agent_needs_but_the_token(
    install: "Callable[..., installation.Installation]", tmp_path: Path
) -> None:
    plan = install({"token": ["very-secret"], "drain-timeout": ["90s"]}, "--spawn", "2", "--tags", 'a="b c"')
    line = plan.definition("").command_line
    root = os.path.join(str(tmp_path), "program data", "bkagent", "bkagent")
    assert " service-process --name bkagent --drain-timeout 90s -- --config " in line and "very-secret" not in line
    assert f'--token "file://{root}/token" --build-path "{root}/builds" --state-path "{root}/state"' in line
    assert line.endswith('--spawn 2 --tags "a=\\"b c\\""')
    assert plan.stores_token


def test_what_the_configuration_file_has_stays_there(install: "Callable[..., installation.Installation]") -> None:
    plan = install({}, config="token=in-the-file\nbuild-path=/srv/builds\nstate-path=/srv/state\n")
    line = plan.definition("").command_line
    assert not plan.stores_token and "--token" not in line and "-path" not in line


@pytest.mark.parametrize(
    "words, config, problem",
    [
        (["--spawn"], "", "flag needs a value: --spawn"),
        (["--spawn", "x"], "", "spawn must be"),
        (["build"], "", 'behind "--" stand options of start, not "build"'),
        (["--token", "x"], "", '--token belongs before the "--"'),
        (["--config", "x"], "", '--config belongs before the "--"'),
        (["--build-path", "builds"], "", "build-path must be an absolute path"),
        ([], "hooks-path=hooks\n", "hooks-path must be an absolute path.*, line 1"),
    ],
)
def test_options_that_no_agent_could_start_with_are_refused_at_once(
    install: "Callable[..., installation.Installation]", words: List[str], config: str, problem: str
) -> None:
    with pytest.raises(AgentError, match=problem):
        install({"token": ["x"]}, *words, config=config)
