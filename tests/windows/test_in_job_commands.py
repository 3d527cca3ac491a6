"""The programs that jobs call: `buildkite-agent` and `bkagent`, as every kind of script finds them."""

from __future__ import annotations

import json
import socket
import subprocess
from pathlib import Path
from typing import Callable, Mapping

import pytest

from tests.fakes.control_plane import FakeControlPlane
from tests.windows.conftest import IS_NEEDED
from tests.windows.windows_agent import WindowsAgent
from tests.windows.wine_session import TIMEOUT_S, WineSession

StartAgent = Callable[..., WindowsAgent]
# What quoting of cmd.exe, of CreateProcess or of ours would change.
WORDS = [
    "two words",
    'a "quoted" word',
    "%OS% 100%",
    "!OS! ^caret ^^",
    "a&b|c>d<e",
    "back\\slash\\",
    'x\\"y',
    "é 漢 😀",
]
# Unpacks the archive, as its start does, and prints the folder of launchers that an agent would make of it.
_LAUNCHERS = """
import sys
sys.path.insert(0, sys.argv[1])
import archive_entry
root, _ = archive_entry._unpacked(sys.argv[1])
archive_entry._forget_packed_modules()
sys.path[0] = root
from bkagent.config.launching import self_command
print(self_command.launcher_folder(sys.argv[2]))
"""


@pytest.fixture
def launchers(wine: WineSession, packed_archive: str, python: str, tmp_path: Path) -> str:
    """Return the folder of the launchers, in a state folder whose name has a space and letters of many languages."""
    state, archive = wine.windows_path(tmp_path / "état 漢"), wine.windows_path(packed_archive)
    done = wine.run(wine.python(python), "-I", "-S", "-X", "utf8", "-c", _LAUNCHERS, archive, state, check=True)
    return done.stdout.strip()


def _variables(endpoint: str, job_id: str, token: str) -> Mapping[str, str]:
    return {
        "BUILDKITE_AGENT_ENDPOINT": endpoint, "BUILDKITE_AGENT_ACCESS_TOKEN": token, "BUILDKITE_JOB_ID": job_id,
    }  # fmt: skip


@pytest.fixture
def variables(plane: FakeControlPlane) -> Mapping[str, str]:
    """Return what a job's environment says to our commands."""
    job = plane.add_job()
    return _variables(plane.endpoint, job.id, job.token)


def test_batch_files_go_on_after_a_command(start_agent: StartAgent, python: str, tmp_path: Path) -> None:
    """Without `call`: in the job's command, in a hook, and in a batch file of the repository."""
    hooks, script = tmp_path / "hooks", tmp_path / "build.bat"
    hooks.mkdir()
    agent = start_agent(python, "--hooks-path", "Z:" + str(hooks).replace("/", "\\"))
    (hooks / "pre-command.bat").write_bytes(
        b"@echo off\r\nbuildkite-agent meta-data set hook 1\r\necho the hook goes on\r\n"
    )
    script.write_bytes(
        b"@echo off\r\nbkagent meta-data set file 2\r\necho the file goes on %ERRORLEVEL%\r\n"
        b"buildkite-agent meta-data exists no-such\r\necho exists said %ERRORLEVEL%\r\nexit /b 0\r\n"
    )
    path = "Z:" + str(script).replace("/", "\\")
    job = agent.run_job(f"buildkite-agent meta-data set command 3\necho the command goes on\n{path}")
    assert job.finish["exit_status"] == "0", job.text
    for line in ("the hook goes on", "the command goes on", "the file goes on 0", "exists said 100"):
        assert line in job.text, job.text
    assert agent.plane.meta_data == {"hook": "1", "file": "2", "command": "3"}


def test_programs_find_it_by_its_name_on_path(
    start_agent: StartAgent, wine: WineSession, python: str, tmp_path: Path
) -> None:
    """As subprocess, Node's spawn and PowerShell do: CreateProcess adds .exe to what it looks for on PATH."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, shutil, subprocess, sys\n"
        "subprocess.run(['buildkite-agent', 'meta-data', 'set', 'key', 'from python'], check=True)\n"
        "print(subprocess.check_output(['bkagent', 'meta-data', 'get', 'key']))\n"
        "folder = os.environ['BUILDKITE_BIN_PATH']\n"
        "print('same', os.path.dirname(shutil.which('buildkite-agent')).lower() == folder.lower())\n"
        "print(sorted(os.listdir(folder)))\n",
        encoding="utf-8",
    )
    job = start_agent(python).run_job(f"{wine.python(python)} {wine.windows_path(script)}")
    assert job.finish["exit_status"] == "0", job.text
    assert "b'from python'" in job.text and "same True" in job.text, job.text
    # Those without an ending are for Git Bash.
    assert "['bkagent', 'bkagent.exe', 'buildkite-agent', 'buildkite-agent.exe']" in job.text, job.text


_NODE = """
const { spawnSync } = require("child_process");
const words = ["meta-data", "set", "key", "from \\"node\\" 100% é"];
const done = spawnSync("buildkite-agent", words, { stdio: "inherit" });
console.log("status", done.status, done.error);
"""


def test_node_spawns_it(start_agent: StartAgent, wine: WineSession, tmp_path: Path) -> None:
    """Without a shell, which would not pass on what it quotes."""
    node, script = wine.bed / "node" / "node.exe", tmp_path / "spawn.js"
    if not node.exists():
        (pytest.fail if IS_NEEDED else pytest.skip)(f"no Node for Windows: {node} is missing")
    script.write_text(_NODE, encoding="utf-8")
    agent = start_agent("3.13")
    job = agent.run_job(f'"{wine.windows_path(node)}" "{wine.windows_path(script)}"')
    assert "status 0" in job.text, job.text
    assert agent.plane.meta_data == {"key": 'from "node" 100% é'}


# Runs the commands of a JSON file, [[argv, standard input]...], and prints [[status, output, errors]...].
_RUN_ALL = """
import json, subprocess, sys
with open(sys.argv[1], encoding="utf-8") as file:
    calls = json.load(file)
ran = [subprocess.run(argv, input=text.encode(), stdout=-1, stderr=-1) for argv, text in calls]
print(json.dumps([[done.returncode, done.stdout.decode(), done.stderr.decode()] for done in ran]))
"""


def test_words_and_standard_streams_come_through_as_they_are(
    plane: FakeControlPlane,
    variables: Mapping[str, str],
    wine: WineSession,
    launchers: str,
    python: str,
    tmp_path: Path,
) -> None:
    text = "one\r\ntwo\n\x1a ctrl-z é 漢 😀"
    program = launchers + "\\buildkite-agent.exe"
    calls = [
        ([program, "meta-data", "set-batch", *(f"key{number}={word}" for number, word in enumerate(WORDS))], ""),
        ([program, "meta-data", "set", "text"], text),
        ([program, "meta-data", "get", "text"], ""),
        ([program, "meta-data", "exists", "no such key"], ""),
        ([program, "lock", "é 漢"], ""),
    ]
    (tmp_path / "calls.json").write_text(json.dumps(calls), encoding="utf-8")
    argv = [wine.python(python), "-I", "-S", "-c", _RUN_ALL, wine.windows_path(tmp_path / "calls.json")]
    done = wine.run(*argv, env=variables, check=True)
    batch, written, read, missing, unknown = json.loads(done.stdout)
    assert (batch[0], written[0]) == (0, 0), done.stdout
    assert plane.meta_data == {"text": text, **{f"key{number}": word for number, word in enumerate(WORDS)}}
    assert read[:2] == [0, text]
    assert missing == [100, "", ""]
    assert unknown[0] == 1 and 'unknown subcommand "é 漢"' in unknown[2] and "\r" not in unknown[2]


def test_a_batch_file_may_quote_what_cmd_would_change(
    plane: FakeControlPlane, variables: Mapping[str, str], wine: WineSession, launchers: str, tmp_path: Path
) -> None:
    (tmp_path / "words.bat").write_bytes(
        b'@bkagent meta-data set "a key" "%%OS%% ^ ! & | <e> 100%%"\r\n@echo status %ERRORLEVEL%\r\n'
    )
    done = wine.run("cmd", "/c", wine.windows_path(tmp_path / "words.bat"), env=variables, path=launchers)
    assert "status 0" in done.stdout, done
    assert plane.meta_data == {"a key": "%OS% ^ ! & | <e> 100%"}


def test_no_variable_of_a_job_changes_which_code_runs(
    start_agent: StartAgent, wine: WineSession, python: str, tmp_path: Path
) -> None:
    evil = tmp_path / "evil"
    (evil / "Lib").mkdir(parents=True)
    for name in ("sitecustomize.py", "os.py", "bkagent.py", "Lib/os.py", "Lib/codecs.py"):
        (evil / name).write_text("raise SystemExit('hijacked')", encoding="ascii")
    (evil / "pyvenv.cfg").write_text(f"home = {wine.windows_path(evil)}\n", encoding="ascii")
    folder, launcher = wine.windows_path(evil), wine.windows_path(evil / "python.exe")
    hostile = dict.fromkeys(("PYTHONPATH", "PYTHONHOME", "PYTHONUSERBASE", "SHIV_ROOT"), folder)
    hostile.update(
        PYTHONSTARTUP="x", PYTHONIOENCODING="utf-16", PYTHONINSPECT="1", PYTHONUTF8="0", SHIV_ENTRY_POINT="x:y",
        PYTHONEXECUTABLE=launcher, __PYVENV_LAUNCHER__=launcher, PYLAUNCHER_ALLOW_INSTALL="1",
    )  # fmt: skip
    command = (
        f"cd /d {folder}\nbuildkite-agent meta-data set key value\nbuildkite-agent meta-data get key\necho goes on"
    )
    job = start_agent(python).run_job(command, hostile)
    assert job.finish["exit_status"] == "0" and "goes on" in job.text, job.text
    assert "hijacked" not in job.text and "value" in job.text, job.text


# Starts a command in a group of its own and on a console, ends it in one of two ways once it is told to, and prints its
# status. Wine gives no console to what was not started on a terminal.
_END = """
import ctypes, subprocess, sys
ctypes.windll.kernel32.FreeConsole()
assert ctypes.windll.kernel32.AllocConsole()
child = subprocess.Popen(sys.argv[2:], creationflags=subprocess.CREATE_NEW_PROCESS_GROUP)
sys.stdin.readline()
if sys.argv[1] == "kill":
    child.kill()
else:
    assert ctypes.windll.kernel32.GenerateConsoleCtrlEvent(1, child.pid)
print("status", child.wait() & 0xFFFFFFFF)
"""


@pytest.mark.parametrize("way", ["kill", "break"])
def test_a_command_ends_with_its_launcher(wine: WineSession, launchers: str, python: str, way: str) -> None:
    """Whether that is killed or gets a Ctrl-Break."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        argv = [wine.python(python), "-I", "-S", "-c", _END, way]
        argv += [launchers + "\\bkagent.exe", "meta-data", "get", "key"]
        env = _variables(f"http://127.0.0.1:{server.getsockname()[1]}/v3", "job", "token")
        program = wine.start(*argv, env=env, stdin=subprocess.PIPE)
        connection, _ = server.accept()
        with connection:
            connection.settimeout(TIMEOUT_S)
            assert b"data/get" in connection.recv(65536)
            # The command has the same output, so that this waits for its end as well.
            output = program.communicate(b"now\n", TIMEOUT_S)[0].decode()
            assert "status 1" in output, output  # Windows itself says 0xC000013A to Ctrl-Break, and Wine 1
