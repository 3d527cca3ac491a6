"""A job's secrets go to a socket of its own user, never to another user's, and its folders are made and checked."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List

import pytest

from tests.fakes.installed_archive import install
from tests.fakes.other_user import DAEMON, NOBODY, Listener, commons, python_of_all, run_as
from tests.fakes.scripted_server import Answer, ScriptedServer

__all__ = ["commons"]

TOKEN, SECRET = "job-api-token", "a-secret-to-redact"
Listen = Callable[[int, Path], Listener]


@pytest.fixture(scope="session")
def archive(packed_archive: str) -> Iterator[str]:
    """Return an installed archive that every user can run, in place of the one in pytest's closed folder."""
    if os.name != "posix" or os.geteuid() != 0:
        pytest.skip("only root can act as another user")
    folder = Path(tempfile.mkdtemp(prefix="installed-", dir="/tmp"))
    folder.chmod(0o755)
    yield install(packed_archive, folder)
    shutil.rmtree(str(folder))


@pytest.fixture
def listen(commons: Path) -> Iterator[Listen]:
    """Return a function that starts a user's process behind a socket."""
    listeners: List[Listener] = []
    heard = commons / "heard"
    heard.mkdir()
    heard.chmod(0o777)

    def begin(user: int, path: Path) -> Listener:
        listeners.append(Listener(user, path, heard / str(len(listeners))))
        return listeners[-1]

    yield begin
    for listener in listeners:
        listener.close()


def variables(commons: Path, socket: Path) -> Dict[str, str]:
    return {
        "PATH": os.environ["PATH"], "HOME": "", "TMPDIR": str(commons / "t"), "BUILDKITE_JOB_ID": "job-1",
        "BUILDKITE_AGENT_JOB_API_SOCKET": str(socket), "BUILDKITE_AGENT_JOB_API_TOKEN": TOKEN,
        "BUILDKITE_AGENT_ACCESS_TOKEN": "job-token", "BUILDKITE_AGENT_ENDPOINT": "http://127.0.0.1:9/v3",
    }  # fmt: skip


def folder_of(user: int, path: Path, mode: int = 0o755) -> Path:
    path.mkdir(parents=True, exist_ok=True)
    os.chown(str(path), user, user)
    path.chmod(mode)
    return path


@pytest.mark.parametrize("user", [0, DAEMON])
def test_nothing_is_sent_to_a_socket_of_another_user(archive: str, commons: Path, listen: Listen, user: int) -> None:
    temporary = folder_of(0, commons / "t", 0o1777)
    socket = folder_of(NOBODY, temporary / f"bkagent-{user}" / "job-api", 0o755) / "1-1.sock"
    os.chown(str(socket.parents[1]), NOBODY, NOBODY)
    listener = listen(NOBODY, socket)
    program = [sys.executable if user == 0 else python_of_all(), archive]
    environ = variables(commons, socket)
    done = run_as(user, *program, "redactor", "add", env=environ, input=SECRET)
    assert listener.heard() == b"<end>"
    assert done.returncode == 1 and f"served by user {NOBODY}" in done.stderr, done
    assert "nothing was sent" in done.stderr.splitlines()[-1], done
    with ScriptedServer({"*": Answer(401, {"message": "no such job"})}) as server:  # gone to in place of the socket
        environ["BUILDKITE_AGENT_ENDPOINT"] = server.url + "/v3"
        done = run_as(user, *program, "meta-data", "get", "key", env=environ)
    assert done.returncode != 0 and "no such job" in done.stderr and listener.heard() == b"<end><end>", done


@pytest.mark.parametrize("folder", ["home/sockets/job-api", f"sticky/bkagent-{DAEMON}/job-api"])
def test_root_reaches_the_socket_of_the_user_whose_folders_lead_to_it(
    archive: str, commons: Path, listen: Listen, folder: str
) -> None:
    """A command that a job runs by sudo, or in a container as root."""
    folder_of(0, commons / "sticky", 0o1777)
    path = commons / folder
    for above in (path.parents[0], path):
        folder_of(DAEMON, above, 0o700)
    listener = listen(DAEMON, path / "1-1.sock")
    done = run_as(0, sys.executable, archive, "env", "get", "NAME", env=variables(commons, path / "1-1.sock"))
    assert (done.returncode, done.stdout) == (0, "an answer\n"), done
    assert TOKEN.encode() in listener.heard()


@pytest.mark.parametrize("change", ["chmod 777 home", "chmod 1777 home", "chown 65534 home"])
def test_root_sends_nothing_where_a_third_user_can_put_a_socket(
    archive: str, commons: Path, listen: Listen, change: str
) -> None:
    path = folder_of(DAEMON, commons / "home" / "job-api", 0o700) / "1-1.sock"
    listener = listen(DAEMON, path)
    subprocess.run(change, shell=True, cwd=str(commons), check=True)
    done = run_as(0, sys.executable, archive, "env", "get", "NAME", env=variables(commons, path))
    assert done.returncode == 1 and "nothing was sent" in done.stderr, done
    assert listener.heard() == b"<end>"


def test_a_container_with_users_of_its_own_reaches_the_socket(archive: str, commons: Path, listen: Listen) -> None:
    path = folder_of(0, commons / "s", 0o700) / "1-1.sock"
    listener = listen(0, path)
    words = ["unshare", "--user", "--map-root-user"]
    try:
        if run_as(0, *words, "true").returncode:
            pytest.skip("this system has no user namespaces for other users")
    except OSError:
        pytest.skip("there is no unshare here")
    environ = variables(commons, path)
    done = run_as(0, *words, sys.executable, archive, "env", "get", "NAME", env=environ)
    assert (done.returncode, done.stdout) == (0, "an answer\n"), done
    assert TOKEN.encode() in listener.heard()
    done = run_as(0, "unshare", "--user", sys.executable, archive, "env", "get", "NAME", env=environ)
    assert (done.returncode, done.stdout) == (0, "an answer\n"), done


def run_job(archive: str, root: Path, command: str, **env: str) -> "subprocess.CompletedProcess[str]":
    """Run a job by hand, with folders below `root`."""
    for name in ("hooks", "checkout", "builds", "home"):
        (root / name).mkdir(exist_ok=True)
    environ = {
        "PATH": os.environ["PATH"], "HOME": str(root / "home"), "TMPDIR": str(root), "BUILDKITE_JOB_ID": "job-1",
        "BUILDKITE_REPO": "none", "BUILDKITE_COMMIT": "HEAD", "BUILDKITE_BRANCH": "main",
        "BUILDKITE_AGENT_NAME": "a", "BUILDKITE_ORGANIZATION_SLUG": "acme", "BUILDKITE_PIPELINE_SLUG": "widgets",
        "BUILDKITE_PIPELINE_PROVIDER": "git", "BUILDKITE_BUILD_PATH": str(root / "builds"),
        "BUILDKITE_HOOKS_PATH": str(root / "hooks"), "BUILDKITE_SOCKETS_PATH": str(root / "s"),
        "BUILDKITE_SKIP_CHECKOUT": "true", "BUILDKITE_BUILD_CHECKOUT_PATH": str(root / "checkout"),
        "BUILDKITE_SHELL": "/bin/sh -e -c", "BUILDKITE_AGENT_ENDPOINT": "http://127.0.0.1:9/v3",
        "BUILDKITE_AGENT_ACCESS_TOKEN": "job-token", "BUILDKITE_COMMAND": command,
        "AGENT": f"{sys.executable} {archive}", **env,
    }  # fmt: skip
    options: Dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "universal_newlines": True}
    return subprocess.run(
        [sys.executable, archive, "bootstrap"], env=environ, cwd=str(root), timeout=60, **options
    )  # fmt: skip


SHOW = 'echo "socket=$BUILDKITE_AGENT_JOB_API_SOCKET"; $AGENT env get BUILDKITE_BRANCH'
TAKE = """
folder=$(dirname "$BUILDKITE_AGENT_JOB_API_SOCKET")
while [ "$folder" != / ]; do
  setpriv --reuid=65534 --regid=65534 --clear-groups mv "$folder" "$folder.taken" 2>/dev/null && echo "taken: $folder"
  folder=$(dirname "$folder")
done
"""


@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_socket_is_never_where_another_user_can_replace_it(archive: str, commons: Path, mode: int) -> None:
    temporary = folder_of(0, commons / "t", mode)
    folder_of(NOBODY, temporary / f"bkagent-{os.getuid()}")
    long = commons / ("long" * 30)
    done = run_job(archive, commons, SHOW + TAKE, TMPDIR=str(temporary), BUILDKITE_SOCKETS_PATH=str(long))
    assert done.returncode == 0 and "taken: /" not in done.stdout, done.stdout
    (socket,) = [line[7:].strip() for line in done.stdout.splitlines() if line.startswith("socket=")]
    assert socket.startswith("/tmp/bkagent-0-") and not os.path.exists(os.path.dirname(socket))
    assert "main" in done.stdout and f"The job's local socket is {socket}, since" in done.stdout
    assert not list((temporary / f"bkagent-{os.getuid()}").iterdir())


def test_sockets_of_a_folder_that_others_can_write_to_are_elsewhere(archive: str, commons: Path) -> None:
    folder_of(0, commons / "s", 0o777)
    done = run_job(archive, commons, SHOW, TMPDIR=str(folder_of(0, commons / "t", 0o1777)))
    assert done.returncode == 0, done.stdout
    assert f"socket={commons}/t/bkagent-0/job-api/" in done.stdout and f"others can write to {commons}/s" in done.stdout


ASK = """
import os, socket, sys
client = socket.socket(socket.AF_UNIX)
client.connect(sys.argv[1])
request = "GET /api/current-job/v0/env HTTP/1.1\\r\\nHost: job\\r\\nConnection: close\\r\\nAuthorization: Bearer "
client.sendall((request + sys.argv[2] + "\\r\\n\\r\\n").encode())
print("user", os.getuid(), client.recv(12))
"""


def test_the_token_decides_who_uses_the_socket_of_a_job(archive: str, commons: Path) -> None:
    """As from a container with a user of its own, which has the folder of sockets mounted."""
    (commons / "ask.py").write_text(ASK)
    folder_of(0, commons / "s", 0o700)
    ask = f"setpriv --reuid={NOBODY} --regid={NOBODY} --clear-groups {python_of_all()} {commons}/ask.py"
    reach = f"""
socket=$BUILDKITE_AGENT_JOB_API_SOCKET
{ask} "$socket" "$BUILDKITE_AGENT_JOB_API_TOKEN" 2>&1 | tail -1
chmod 755 {commons}/s {commons}/s/job-api; chmod 666 "$socket"
{ask} "$socket" "$BUILDKITE_AGENT_JOB_API_TOKEN"
{ask} "$socket" wrong
"""
    done = run_job(archive, commons, reach, TMPDIR=str(folder_of(0, commons / "t", 0o1777)))
    assert done.returncode == 0 and "PermissionError" in done.stdout, done.stdout
    assert f"user {NOBODY} b'HTTP/1.1 200'" in done.stdout and f"user {NOBODY} b'HTTP/1.1 401'" in done.stdout


def test_the_wrapper_of_a_hook_is_never_where_another_user_can_replace_it(archive: str, commons: Path) -> None:
    temporary = folder_of(0, commons / "t", 0o777)
    (commons / "hooks").mkdir()
    (commons / "hooks" / "pre-command").write_text('echo "wrapper=$0"\n')
    done = run_job(archive, commons, "true", TMPDIR=str(temporary))
    assert done.returncode == 0 and "wrapper=/tmp/buildkite-agent-hook-wrapper" in done.stdout, done.stdout
    done = run_job(archive, commons, "true", TMPDIR=str(folder_of(0, temporary, 0o1777)))
    assert done.returncode == 0 and f"wrapper={temporary}/buildkite-agent-hook-wrapper" in done.stdout, done.stdout


def test_the_key_of_a_job_is_never_where_another_user_can_replace_it(archive: str, commons: Path) -> None:
    builds, ssh, seen = folder_of(0, commons / "b", 0o777), commons / "ssh", commons / "seen"
    ssh.write_text(f'#!/bin/sh\necho "$@" >>{seen}\nexit 1\n')
    ssh.chmod(0o755)
    done = run_job(
        archive, commons, "true", BUILDKITE_BUILD_CHECKOUT_PATH=str(builds / "widgets"),
        BUILDKITE_SKIP_CHECKOUT="false",
        BUILDKITE_REPO="git@host.invalid:acme/x.git", BUILDKITE_GIT_SSH_KEY="KEY", BUILDKITE_SSH_KEYSCAN="false",
        BUILDKITE_CHECKOUT_ATTEMPTS="1", GIT_SSH_COMMAND=str(ssh), GIT_SSH_VARIANT="ssh",
    )  # fmt: skip
    words = seen.read_text().split()
    key = words[words.index("-i") + 1]
    assert done.returncode != 0 and key.startswith("/tmp/.buildkite-ssh-key-widgets-"), done.stdout
    assert not os.path.exists(os.path.dirname(key)) and os.listdir(str(builds)) in ([], ["widgets"])


BAD_FOLDERS = {
    # How X is made; then what is said of X/state.
    "above is open": ("mkdir -m 777 X", "others can write to {}/X"),
    "above is the group's": ("mkdir -m 770 X", "others can write to {}/X"),
    "above is another user's": ("mkdir X; chown 65534 X", "{}/X belongs to user 65534"),
    "above is another user's link": (
        "mkdir Y; ln -s Y X; chown -h 65534 X", "{}/X belongs to user 65534",
    ),
    "above is a file": ("touch X", "{}/X is not a folder"),
    "it is another user's": ("mkdir X X/state; chown 65534 X/state", "{}/X/state belongs to user 65534"),
    "it is a link": ("mkdir X Y; ln -s ../Y X/state", "{}/X/state is a link"),
    "it is a file": ("mkdir X; touch X/state", "{}/X/state is not a folder"),
    "it is open and full": ("mkdir -p X/state/y; chmod 777 X/state", "is not empty, and others can write to it"),
    "above is a link without an end": ("ln -s X X", "a chain of links without an end"),
    "no room": ("mkdir X; mount -t tmpfs -o nr_inodes=1 tmpfs X", "cannot make the folder {}/X/state: No space left"),
    "read-only": ("mkdir X; mount -t tmpfs -o ro tmpfs X", "cannot make the folder {}/X/state: Read-only"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_a_state_or_data_folder_that_is_not_safe_is_refused_in_one_sentence(
    archive: str, commons: Path, case: str
) -> None:
    make, message = BAD_FOLDERS[case]
    if subprocess.run(make, shell=True, cwd=str(commons), stderr=subprocess.PIPE).returncode:
        pytest.skip("this user may mount nothing")
    state = str(commons / "X" / "state")
    try:
        before = sorted((str(path), path.lstat().st_mode) for path in commons.rglob("*"))
        for words in (["spool", "list", "--state-path", state], ["server", "--data", state, "--listen", "127.0.0.1:0"]):
            environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
            done = run_as(0, sys.executable, archive, *words, env=environ, cwd="/")
            assert done.returncode == 1 and message.format(commons) in done.stderr, done
            assert len(done.stderr.splitlines()) == 1 and not done.stdout, done
        assert sorted((str(path), path.lstat().st_mode) for path in commons.rglob("*")) == before
    finally:
        if "mount" in make:
            subprocess.run(["umount", str(commons / "X")], check=True)
