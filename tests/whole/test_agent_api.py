"""The Agent API: which agent of a machine leads, who takes over from it, and who is served."""

import contextlib
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any, Callable, Iterator, List

import pytest

from tests.fakes.agent_process import AgentProcess
from tests.fakes.conditions import until
from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.installed_archive import program_of
from tests.fakes.leader import FakeLeader, ask, leads
from tests.fakes.other_user import NOBODY, commons, python_of_all, run_as
from tests.fakes.reference import PROGRAM as REFERENCE
from tests.fakes.reference import needs_reference
from tests.whole.running import wait_until

__all__ = ["commons"]

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="needs Unix sockets")

PING = "/api/leader/v0/ping"
LEADING = "Agent API: This agent became leader"


class Taker:
    """The process that an agent keeps for the Agent API, with a test at the other end of its line."""

    def __init__(self, archive: str, folder: Path, *before: str) -> None:
        self._line, line = socket.socketpair()
        with line:
            words = [*before, sys.executable, archive, "agent-api-process", str(folder)]
            self.process = subprocess.Popen(words, stdin=line, stdout=subprocess.DEVNULL, stderr=line)
        self._heard = b""

    def reported(self, text: str) -> bool:
        """Return whether it has reported a text so far."""
        with contextlib.suppress(BlockingIOError):
            while True:
                block = self._line.recv(65536, socket.MSG_DONTWAIT)
                if not block:
                    break
                self._heard += block
        return text.encode() in self._heard

    def kill(self) -> None:
        """End it as a crash would."""
        self.process.kill()
        self.process.wait()

    def hang_up(self) -> int:
        """End the line, as an agent that ends does; return the status of the process."""
        self._line.close()
        return self.process.wait(60)

    def close(self) -> None:
        """End both."""
        self._line.close()
        self.kill()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the folder of the sockets."""
    path = tmp_path / "s"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def take(archive: str, folder: Path) -> Iterator[Callable[..., Taker]]:
    """Return a function that starts a process of the Agent API."""
    takers: List[Taker] = []

    def begin(*before: str) -> Taker:
        takers.append(Taker(archive, folder, *before))
        return takers[-1]

    yield begin
    for taker in takers:
        taker.close()


@pytest.fixture
def team(archive: str, plane: FakeControlPlane, folder: Path, tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Return a function that starts an agent of its own home, which shares the folder of the sockets."""
    with contextlib.ExitStack() as agents:

        def begin(*flags: str, **more: Any) -> AgentProcess:
            root = tmp_path / f"agent-{len(list(tmp_path.glob('agent-*')))}"
            flags = ("--sockets-path", str(folder), *flags)
            agent = AgentProcess(root, plane.endpoint, *flags, program=program_of(archive), **more)
            return agents.enter_context(agent)

        yield begin


def leader_of(folder: Path) -> int:
    """Return the number of the process that leads, 0 where none answers."""
    link = folder / "agent-leader"
    try:
        target = os.readlink(str(link))
    except OSError:
        return 0
    return int(Path(target).name.split("-")[1]) if leads(link) else 0


def led_by_another(folder: Path, *former: int) -> bool:
    return wait_until(lambda: leader_of(folder) not in (0, *former))


def names(folder: Path) -> List[str]:
    """Return the names of links and sockets in the folder."""
    return sorted(path.name for path in folder.iterdir() if not path.is_file() and not path.is_dir())


def is_gone(pid: int) -> bool:
    return not os.path.exists(f"/proc/{pid}") if os.path.exists("/proc/self") else True


# One agent


@pytest.mark.parametrize("flag", [["--agent-api"], ["--experiment", "agent-api"]])
def test_an_agent_leads_from_a_socket_of_its_own_and_leaves_nothing(team, plane, folder, flag):
    agent = team(*flag)
    assert agent.wait_said(LEADING) and leads(folder / "agent-leader"), agent.said
    pid = leader_of(folder)
    socket_path = folder / f"agent-{pid}"
    assert os.readlink(str(folder / "agent-leader")) == str(socket_path)
    assert stat.S_ISSOCK(socket_path.stat().st_mode) and stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert ask(folder / "agent-leader", "GET", "/api/leader/v1/ping") == (404, b"404 page not found\n")
    assert agent.wait_said("Waiting for instructions"), agent.said
    agent.signal("SIGTERM")
    assert agent.wait() == 0, agent.said
    assert names(folder) == [] and is_gone(pid)


@pytest.mark.parametrize("flags", [["--debug"], ["--log-level", "debug"], []])
def test_requests_are_shown_with_debug_messages_and_without_keys(team, folder, flags):
    agent = team("--agent-api", *flags)
    assert agent.wait_said(LEADING) if flags else led_by_another(folder)
    requests = [("GET", PING, 200), ("GET", "/api/leader/v0/lock?key=Key-3f", 200), ("GET", "/other?key=Key-3f", 404)]
    for method, target, status in requests:
        assert ask(folder / "agent-leader", method, target)[0] == status
    for method, target, status in requests:
        line = rf"DEBUG  Agent API:\t{method}\t{target.partition('?')[0]}\t[\d.]+(µs|ms)\tstatus={status}\n"
        if flags:
            assert wait_until(lambda line=line: re.search(line, agent.said)), (line, agent.said)
    agent.signal("SIGTERM")
    assert agent.wait() == 0 and "Key-3f" not in agent.said and (flags or "DEBUG" not in agent.said)
    assert "ERROR" not in agent.said, agent.said


def test_without_the_option_nothing_of_it_runs(team, plane, folder):
    plane.add_job("true")
    agent = team("--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    assert sorted(path.name for path in folder.iterdir()) == ["job-api"]
    assert "Agent API" not in agent.said


def test_the_process_dies_with_its_agent_and_a_new_one_comes_when_it_dies(team, folder):
    agent = team("--agent-api")
    assert agent.wait_said(LEADING), agent.said
    first = leader_of(folder)
    os.kill(first, signal.SIGTERM)  # as a service manager does while the last jobs run
    os.kill(first, signal.SIGKILL if leads(folder / "agent-leader") else 0)
    assert led_by_another(folder, first), agent.said
    assert "the process of the Agent API has ended (SIGKILL); another one is started" in agent.said
    second = leader_of(folder)
    agent.kill()
    assert wait_until(lambda: is_gone(second)) and names(folder) == []


def test_no_process_of_a_job_has_the_lock(team, plane, folder):
    look = f"ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c {folder}/agent-leader.lock; echo looked"
    job = plane.add_job(f"until [ -S {folder}/agent-leader ]; do :; done; sh -c '{look}'")
    agent = team("--agent-api", "--disconnect-after-job")
    assert agent.wait() == 0, agent.said
    if sys.platform == "linux":
        assert "\n1\nlooked" in job.text, job.text


BAD_FOLDERS = {
    "a link": ("mkdir X; ln -s X s", "s is a link"),
    "of another user": ("mkdir s; chown 65534 s", "s belongs to user 65534"),
    "a file": ("touch s", "s is not a folder"),
    "too long": ("mkdir s", "bytes long and a socket's may have"),
}


@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_an_agent_whose_folder_is_unfit_goes_on_without(archive, plane, tmp_path, case):
    make, message = BAD_FOLDERS[case]
    if "chown" in make and os.geteuid() != 0:
        pytest.skip("only root can give a folder away")
    root = tmp_path / ("long" * 25 if case == "too long" else "root")
    root.mkdir()
    subprocess.run(make, shell=True, cwd=str(root), check=True)
    program = (sys.executable, archive)
    flags = ("--agent-api", "--disconnect-after-job")
    with AgentProcess(
        tmp_path / "agent", plane.endpoint, *flags, "--sockets-path", str(root / "s"), program=program
    ) as agent:
        assert agent.wait_said("Waiting for instructions"), agent.said
        job = plane.add_job("echo 'the job runs'")
        assert agent.wait() == 0, agent.said
    assert "the job runs" in job.text
    warnings = [line for line in agent.said.splitlines() if "Agent API" in line]
    assert len(warnings) == 1 and "runs without the Agent API" in warnings[0] and message in warnings[0], agent.said


# Several


@pytest.mark.raced
@pytest.mark.parametrize("victim", ["agent", "process"])
def test_another_agent_leads_when_the_leader_is_killed(team, folder, victim):
    leading = team("--agent-api")
    assert leading.wait_said(LEADING), leading.said
    first = leader_of(folder)
    other = team("--agent-api", "--debug")
    assert other.wait_said("waiting to become leader"), other.said  # before the next process of the first agent
    if victim == "agent":
        leading.kill()
    else:
        os.kill(first, signal.SIGKILL)
    assert led_by_another(folder, first), leading.said + other.said
    assert other.wait_said(LEADING), other.said
    assert wait_until(lambda: f"agent-{first}" not in names(folder))


@pytest.mark.soak
def test_a_process_that_is_stopped_is_replaced_by_its_agent(team, folder):
    agents = [team("--agent-api") for _ in range(2)]
    assert led_by_another(folder)
    first = leader_of(folder)
    os.kill(first, signal.SIGSTOP)
    assert led_by_another(folder, first), [agent.said for agent in agents]
    said = "".join(agent.said for agent in agents)
    assert f"process {first}, of the Agent API, did not answer within 10 s and is killed" in said


def test_of_eight_at_once_one_leads_and_each_in_its_turn(take, folder):
    takers = [take() for _ in range(8)]
    for left in range(8, 0, -1):
        pids = {taker.process.pid for taker in takers}
        leading = until(lambda pids=pids: {leader_of(folder)} & pids).pop()
        assert len(names(folder)) == 2, names(folder)
        # The others wait in the lock, each its first time.
        assert sum(taker.reported("became leader") for taker in takers) == 1, left
        (first,) = [taker for taker in takers if taker.process.pid == leading]
        assert first.hang_up() == 0 if left % 2 else first.kill() is None
        takers.remove(first)
    assert not leads(folder / "agent-leader")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_one_that_waits_to_lead_does_nothing(take, folder):
    first = take()
    assert wait_until(lambda: leader_of(folder) == first.process.pid)
    second = take()
    assert wait_until(lambda: second.reported("waiting to become leader"))
    switches = Path(f"/proc/{second.process.pid}/status")

    def count() -> List[str]:
        return [line for line in switches.read_text().splitlines() if "ctxt_switches" in line]

    wait_until(lambda: subprocess.run(["sleep", "0.2"]).returncode == 0)
    before = count()
    subprocess.run(["sleep", "0.5"], check=True)
    assert count() == before


# What others leave behind


def test_a_dead_link_and_a_dead_socket_of_its_own_number_are_replaced(archive, take, folder):
    taker = take("sh", "-c", f'until [ -e {folder}/go ]; do sleep 0.01; done; exec "$@"', "sh")
    own = folder / f"agent-{taker.process.pid}"
    for path in (own, folder / "agent-1"):
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(str(path))
    os.symlink(str(folder / "agent-1"), str(folder / "agent-leader"))
    (folder / "go").touch()
    assert wait_until(lambda: leader_of(folder) == taker.process.pid)


@pytest.mark.parametrize("make", ["touch {}", "ln -s nowhere {}", "ln -s {} {}", "mkfifo {}"])
def test_whatever_stands_in_the_place_of_the_link_is_replaced(take, folder, make):
    subprocess.run(make.format(*[folder / "agent-leader"] * 2), shell=True, check=True)
    taker = take()
    assert wait_until(lambda: leader_of(folder) == taker.process.pid)


def test_a_name_that_a_living_process_serves_is_left_to_it(take, folder):
    """A container that shares the folder has processes of the same numbers."""
    taker = take("sh", "-c", f'until [ -e {folder}/go ]; do sleep 0.01; done; exec "$@"', "sh")
    own = folder / f"agent-{taker.process.pid}"
    with socket.socket(socket.AF_UNIX) as living:
        living.bind(str(own))
        living.listen(8)
        (folder / "go").touch()
        assert wait_until(lambda: leads(folder / "agent-leader"))
        assert os.readlink(str(folder / "agent-leader")).startswith(f"{own}-")
        assert taker.hang_up() == 0 and names(folder) == [own.name]


@pytest.mark.parametrize("lost", ["agent-leader", "agent-leader.lock", "socket"])
def test_what_is_removed_is_made_anew(take, folder, lost):
    first, second = take(), take()
    assert wait_until(lambda: leader_of(folder))
    path = folder / (f"agent-{leader_of(folder)}" if lost == "socket" else lost)
    path.unlink()
    assert lost == "socket" or wait_until(path.exists)  # of the socket, another process may make its own
    assert wait_until(lambda: names(folder) == sorted(["agent-leader", f"agent-{leader_of(folder)}"]))
    assert leader_of(folder) in (first.process.pid, second.process.pid)


# Beside agents of the reference


def test_an_agent_of_the_reference_and_ours_take_over_from_each_other(take, folder):
    with FakeLeader(folder) as fake:
        taker = take()
        assert wait_until(lambda: taker.reported(f"the leader is {fake.path}"))
        assert leader_of(folder) == fake.process.pid
    assert wait_until(lambda: leader_of(folder) == taker.process.pid)
    with FakeLeader(folder) as fake:
        os.kill(taker.process.pid, signal.SIGSTOP)
        assert wait_until(lambda: leader_of(folder) == fake.process.pid)
        os.kill(taker.process.pid, signal.SIGCONT)
        assert wait_until(lambda: taker.reported(f"the leader is {fake.path}"))
        second = take()
        assert wait_until(lambda: second.reported("waiting to become leader"))
        taker.kill()
        assert wait_until(lambda: second.reported(f"the leader is {fake.path}"))
        assert leader_of(folder) == fake.process.pid
    assert wait_until(lambda: leader_of(folder) == second.process.pid)
    assert second.hang_up() == 0


def test_a_leader_that_does_not_answer_is_replaced(take, folder):
    with FakeLeader(folder) as fake:
        taker = take()
        assert wait_until(lambda: taker.reported(f"the leader is {fake.path}"))
        fake.process.send_signal(signal.SIGSTOP)
        assert wait_until(lambda: leader_of(folder) == taker.process.pid)
        assert taker.reported(f"this agent takes over from {fake.path}, as it gave no answer within 100 ms")


@pytest.mark.soak
def test_a_hundred_hand_overs_between_the_reference_and_ours(take, folder):
    for _ in range(50):
        assert_two_hand_overs(take, folder)


def assert_two_hand_overs(take, folder):
    with FakeLeader(folder) as fake:
        assert wait_until(lambda: leader_of(folder) == fake.process.pid)  # the link may be that of the last round
        taker = take()
        assert wait_until(lambda: taker.reported(f"the leader is {fake.path}"))
    assert wait_until(lambda: leader_of(folder) == taker.process.pid)
    with FakeLeader(folder) as fake:
        taker.kill()
        assert wait_until(lambda: leader_of(folder) == fake.process.pid)


@pytest.fixture
def reference(folder: Path, tmp_path: Path) -> Iterator[Callable[[], AgentProcess]]:
    """Return a function that starts an agent of the reference, which takes whole seconds alone for its intervals."""
    flags = ("--experiment", "agent-api", "--sockets-path", str(folder))
    with FakeControlPlane(ping_interval=1) as plane:
        yield lambda: AgentProcess(tmp_path / "reference", plane.endpoint, *flags, program=(REFERENCE,))


def assert_hand_overs_with_reference(take, reference, folder):
    with reference() as other:
        assert wait_until(lambda: leader_of(folder) == other.process.pid)
        taker = take()
        assert wait_until(lambda: taker.reported(f"the leader is {folder}/agent-{other.process.pid}"))
    assert wait_until(lambda: leader_of(folder) == taker.process.pid)
    with reference() as other:
        assert other.wait_said("Waiting for instructions"), other.said
        taker.kill()
        assert wait_until(lambda: leader_of(folder) == other.process.pid)


@needs_reference
def test_either_leads_and_the_other_takes_over(take, reference, folder):
    assert_hand_overs_with_reference(take, reference, folder)


@needs_reference
@pytest.mark.soak
def test_a_hundred_hand_overs_with_the_reference_itself(take, reference, folder):
    for _ in range(50):
        assert_hand_overs_with_reference(take, reference, folder)


@needs_reference
@pytest.mark.soak
def test_the_reference_does_not_replace_ours_while_fifty_jobs_log(team, reference, plane, folder):
    ours = team("--agent-api", "--spawn", "50")
    assert ours.wait_said(LEADING), ours.said
    script = 'i=0; while [ $i -lt 3000 ]; do i=$((i + 1)); echo "line $i of a job that writes to its log"; done'
    jobs = [plane.add_job(script) for _ in range(50)]
    assert all(job.wait_printed(b"line 1 of") for job in jobs)
    with reference() as other:
        assert all(job.wait_finished() for job in jobs)
        assert "staging coup" not in other.said, other.said
        assert ours.said.count(LEADING) == 1 and "of another agent" not in ours.said, ours.said


@pytest.mark.soak
def test_of_eight_agents_started_at_once_one_leads(team, folder):
    agents = [team("--agent-api") for _ in range(8)]
    assert all(agent.wait_said("Waiting for instructions") for agent in agents)
    assert wait_until(lambda: leader_of(folder)) and len(names(folder)) == 2
    assert sum(LEADING in agent.said for agent in agents) == 1


# Who is served


@pytest.fixture
def leader(take, folder) -> Path:
    """Return the path of a leader's socket."""
    taker = take()
    assert wait_until(lambda: leader_of(folder) == taker.process.pid)
    return folder / f"agent-{taker.process.pid}"


def answers(path: Path) -> bool:
    return ask(path, "GET", PING)[0] == 200


def test_clients_that_send_nothing_or_little_keep_nobody_from_an_answer(leader):
    with contextlib.ExitStack() as clients:
        for number in range(600):
            client = clients.enter_context(socket.socket(socket.AF_UNIX))
            client.connect(str(leader))
            if number % 2:
                client.sendall(
                    b"PATCH /api/leader/v0/lock?key=k HTTP/1.1\r\nHost: agent\r\nContent-Length: 99\r\n\r\n{"
                )
            if number % 60 == 0:
                assert answers(leader)
        assert all(answers(leader) for _ in range(50))


def test_a_body_that_is_too_long_is_refused(leader):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(leader))
        head = "PATCH /api/leader/v0/lock?key=k HTTP/1.1\r\nHost: agent\r\nContent-Length: 99999999999\r\n\r\n"
        client.sendall(head.encode())
        assert client.recv(65536).split()[1] == b"413"
        assert answers(leader)


@pytest.mark.parametrize("head", ["GET /%00 HTTP/1.1", "BREW / HTTP/1.1", "GET / HTTP/9.9", "nonsense", "\0\xff"])
def test_what_is_no_request_hurts_nobody(leader, head):
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(60)
        client.connect(str(leader))
        client.sendall(f"{head}\r\n\r\n".encode("latin-1"))
        assert client.recv(65536).split()[1] in (b"400", b"404", b"405", b"505")
        assert answers(leader)


def test_another_user_is_not_answered_and_root_is(archive, commons):
    """Where others can reach the socket at all: its folder was opened by hand."""
    folder = commons / "s"
    folder.mkdir(mode=0o700)
    taker = Taker(archive, folder)
    try:
        assert wait_until(lambda: leader_of(folder) == taker.process.pid)
        folder.chmod(0o755)
        path = folder / f"agent-{taker.process.pid}"
        path.chmod(0o777)
        request = f"GET {PING} HTTP/1.0\\r\\n\\r\\n"
        code = (
            f"import socket; s = socket.socket(1); s.connect({str(path)!r}); s.sendall(b'{request}'); print(s.recv(99))"
        )
        for user, expected in ((0, "b'HTTP/1.1 200 OK"), (NOBODY, "b''\n"), (0, "b'HTTP/1.1 200 OK")):
            done = run_as(user, python_of_all(), "-I", "-S", "-c", code)
            said = done.stdout or (
                "b''\n" if "ConnectionResetError" in done.stderr or "BrokenPipe" in done.stderr else done.stderr
            )
            assert said.startswith(expected), done
    finally:
        taker.close()
