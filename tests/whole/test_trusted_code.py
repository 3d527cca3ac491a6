"""Code is run only from where no other user can put any."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List

import pytest

from bkagent.errors import ConfigError
from bkagent.system import trusted_path
from tests.fakes.agent_process import AgentProcess
from tests.fakes.control_plane import FakeControlPlane
from tests.fakes.other_user import DAEMON, NOBODY, commons, python_of_all, run_as
from tests.fakes.packed_archive import archive

__all__ = ["archive", "commons"]

ROOT = 0
HEADER = Path(__file__).resolve().parents[2] / "packaging" / "header.sh"
# A program in the place of Python; it leaves the number of the user that ran it.
PLANT = """
umask 000
mkdir -p "$1"
printf '#!/bin/sh\\nid -u >>"%s"\\n' "$3" >"$1/evil"
chmod 755 "$1/evil"
printf '%s\\n' "$1/evil" >"$1/python"
chmod 755 "$1"
if [ -n "$2" ]; then mkdir -p "${2%/*}"; ln -s "$1" "$2"; fi
"""
WAYS = ("header", "python")


def code_hash(archive: str) -> str:
    with open(archive, "rb") as file:
        match = re.search(rb"bkagent/code/([0-9a-f]{24})", file.read(8192))
    assert match
    return match.group(1).decode()


class World:
    """A folder W that all may write to, the archive in W/x, and a home of each user."""

    def __init__(self, commons: Path, archive: str, unpacked: Path) -> None:
        self._unpacked = unpacked
        self.folder = commons / "w"
        self.folder.mkdir()
        self.folder.chmod(0o777)
        (self.folder / "x").mkdir()
        self.archive = str(self.folder / "x" / "bkagent.pyz")
        shutil.copy(archive, self.archive)
        self.taken = self.folder / "taken"
        self.code = "bkagent/code/" + code_hash(archive)
        self.home = commons / "home"
        self.temporary = commons / "temporary"
        for path in (self.home, self.temporary):
            path.mkdir()

    def plant(self, user: int, folder: Path, link: str = "") -> None:
        done = run_as(user, "sh", "-c", PLANT, "sh", str(folder), link, str(self.taken))
        assert done.returncode == 0, done.stderr

    def settle(self, user: int) -> None:
        """Give a user, who owns the home, code that an earlier run has unpacked: it is looked for last."""
        shutil.copytree(str(self._unpacked), str(self.home / ".buildkite-agent"), symlinks=True)
        subprocess.run(["chown", "-R", f"{user}:{user}", str(self.home)], check=True)

    def run(self, user: int, way: str, *words: str, **env: str) -> "subprocess.CompletedProcess[str]":
        """Run the archive as a user who owns the home and the temporary folder."""
        for path in (self.home, self.temporary):
            if path.stat().st_uid == 0:
                os.chown(str(path), user, user)
        environ = {"PATH": os.environ["PATH"], "HOME": str(self.home), "TMPDIR": str(self.temporary), **env}
        python = [python_of_all()] if way == "python" else []
        return run_as(user, *python, self.archive, *words, env=environ, cwd="/")


@pytest.fixture(scope="session")
def unpacked(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder in which the archive's code is unpacked."""
    home = tmp_path_factory.mktemp("unpacked")
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "TMPDIR": str(home)}
    assert run_as(os.getuid(), python_of_all(), archive, "--help", env=environ).returncode == 0
    return home / ".buildkite-agent"


@pytest.fixture
def world(commons: Path, archive: str, unpacked: Path) -> World:
    return World(commons, archive, unpacked)


def assert_own_help(world: World, done: "subprocess.CompletedProcess[str]") -> None:
    taken = world.taken.read_text() if world.taken.exists() else ""
    assert not taken, f"code of another user ran as {taken}"
    assert done.returncode == 0 and done.stdout.startswith("Usage:"), done


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_code_that_another_user_put_beside_the_archive_is_not_run(world: World, way: str, mode: int) -> None:
    world.folder.chmod(mode)
    world.settle(DAEMON)
    world.plant(NOBODY, world.folder / "lib" / world.code)
    assert_own_help(world, world.run(DAEMON, way, "--help"))


@pytest.mark.parametrize("way", WAYS)
def test_code_at_a_link_to_a_folder_that_all_may_write_to_is_not_run(world: World, commons: Path, way: str) -> None:
    shared = commons / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    world.plant(NOBODY, shared / "." if way else shared, str(world.folder / "lib" / world.code))
    shared.chmod(0o1777)
    world.settle(ROOT)
    assert_own_help(world, world.run(ROOT, way, "--help"))


@pytest.mark.parametrize("way", WAYS)
def test_code_in_a_home_that_others_can_write_to_is_not_run(world: World, way: str) -> None:
    world.home.chmod(0o777)
    world.plant(NOBODY, world.home / ".buildkite-agent" / world.code)
    assert_own_help(world, world.run(DAEMON, way, "--help"))
    assert not list(world.home.glob("*/bkagent/spool"))


@pytest.mark.parametrize("way", WAYS)
def test_no_code_is_put_where_another_user_can_replace_it(world: World, way: str) -> None:
    for path in (world.home, world.temporary):
        path.chmod(0o777)
    assert_own_help(world, world.run(DAEMON, way, "--help"))
    assert not list(world.home.iterdir()) and not list(world.temporary.iterdir())


def test_a_folder_in_the_temporary_one_that_another_user_was_first_to_make_is_left_alone(world: World) -> None:
    world.home.chmod(0o777)
    world.temporary.chmod(0o1777)
    world.plant(NOBODY, world.temporary / f"bkagent-{DAEMON}" / "code" / code_hash(world.archive))
    assert_own_help(world, world.run(DAEMON, "header", "--help"))
    done = world.run(DAEMON, "header", "spool", "list")
    assert done.returncode == 1 and f"bkagent-{DAEMON} belongs to user {NOBODY}" in done.stderr, done
    assert len(done.stderr.splitlines()) == 1


def test_code_of_ours_that_a_group_can_write_to_is_unpacked_again(world: World) -> None:
    world.settle(DAEMON)
    code = world.home / ".buildkite-agent" / world.code
    code.chmod(0o770)
    (code / "bkagent" / "cli" / "main.py").write_text("raise SystemExit('changed by the group')")
    done = world.run(DAEMON, "header", "--help")
    assert_own_help(world, done)
    assert code.stat().st_mode & 0o777 == 0o700 and os.listdir(str(code.parent)) == [code.name]


def test_a_umask_that_lets_the_group_write_is_no_obstacle(world: World) -> None:
    command = f"umask 000; HOME={world.home} TMPDIR={world.temporary} exec {world.archive} --help"
    os.chown(str(world.home), DAEMON, DAEMON)
    for _ in range(2):
        assert_own_help(world, run_as(DAEMON, "sh", "-c", command))
    code = world.home / ".buildkite-agent" / world.code
    assert (code / "python").exists()
    open_to_others = [path for path in [code, *code.rglob("*")] if path.lstat().st_mode & 0o022]
    assert not open_to_others
    assert (world.home / ".buildkite-agent").stat().st_mode & 0o022 == 0


@pytest.mark.parametrize("owner", ["root", "user"])
def test_a_home_behind_a_link_works(world: World, owner: str) -> None:
    link = world.folder.parent / "link"
    link.symlink_to(world.home)
    if owner == "user":
        os.chown(str(link), DAEMON, DAEMON, follow_symlinks=False)
    assert_own_help(world, world.run(DAEMON, "header", "--help", HOME=str(link)))
    mark = world.home / ".buildkite-agent" / world.code / "python"
    mark.write_text("/nonexistent\n" if owner == "root" else mark.read_text())
    assert_own_help(world, world.run(DAEMON, "header", "--help", HOME=str(link)))
    done = world.run(DAEMON, "header", "spool", "list", HOME=str(link))
    assert done.returncode == 0 and str(link / ".buildkite-agent" / "bkagent") in done.stdout, done


def test_a_link_of_another_user_leads_to_no_state_folder(world: World) -> None:
    world.folder.chmod(0o1777)
    world.settle(DAEMON)
    mine = world.home / "mine"
    mine.mkdir()
    os.chown(str(mine), DAEMON, DAEMON)
    assert run_as(NOBODY, "ln", "-s", str(mine), str(world.folder / "link")).returncode == 0
    done = world.run(DAEMON, "header", "spool", "list", "--state-path", str(world.folder / "link" / "state"))
    assert done.returncode == 1 and f"{world.folder}/link belongs to user {NOBODY}" in done.stderr, done
    assert not list(mine.iterdir())


def test_a_home_that_the_group_can_write_to_still_gives_a_working_agent(archive: str, tmp_path: Path) -> None:
    root, temporary = tmp_path / "agent", tmp_path / "temporary"
    for path in (root, temporary):
        path.mkdir()
    root.chmod(0o770)
    with FakeControlPlane(ping_interval=0.2, job_status_interval=0.1, chunk_interval=0.1) as plane:
        job = plane.add_job("buildkite-agent env get HOME >seen && cat seen")
        program = (sys.executable, archive)
        with AgentProcess(root, plane.endpoint, program=program, env={"TMPDIR": str(temporary)}) as agent:
            assert job.wait_finished(), agent.said
            assert job.finish["exit_status"] == "0", job.text
        state = temporary / f"bkagent-{os.getuid()}"
        assert f"using the state folder {state}: " in agent.said and f"others can write to {root} " in agent.said
        assert (state / "spool").is_dir() and (state / "code").is_dir()


def test_a_launcher_does_not_run_code_that_another_user_has_put_in_place_of_ours(world: World) -> None:
    """The folder below a sticky one is gone, unused for long, and is now another user's."""
    world.temporary.chmod(0o1777)
    world.home.chmod(0o777)
    assert_own_help(world, world.run(DAEMON, "header", "--help"))
    (code,) = world.temporary.glob("bkagent-*/code/*")
    print_launcher = (
        "import sys; sys.path.insert(0, sys.argv[1]); from bkagent.config.launching import self_command; "
        "print(self_command.launcher_folder(sys.argv[2]))"
    )
    done = run_as(DAEMON, python_of_all(), "-I", "-S", "-c", print_launcher, str(code), str(world.temporary / "state"))
    assert done.returncode == 0, done.stderr
    launcher = os.path.join(done.stdout.strip(), "bkagent")
    assert_own_help(world, run_as(DAEMON, launcher, "--help"))
    os.rename(str(code.parents[1]), str(world.temporary / "gone"))
    evil = f"mkdir -p {code}/bkagent/cli; echo \"open({str(world.taken)!r}, 'w')\" >{code}/bkagent/cli/main.py"
    assert run_as(NOBODY, "sh", "-c", evil).returncode == 0
    done = run_as(DAEMON, launcher, "--help")
    assert done.returncode == 1 and "was replaced by another user; nothing of it was run" in done.stderr, done
    assert not world.taken.exists()


def test_the_installer_unpacks_nothing_where_others_can_write(archive: str, commons: Path) -> None:
    prefix = commons / "prefix"
    (prefix / "lib").mkdir(parents=True)
    (prefix / "lib").chmod(0o775)
    words = ["sh", str(HEADER.parents[1] / "install.sh"), archive]
    environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "PREFIX": str(prefix)}
    done = run_as(ROOT, *words, env=environ)
    assert done.returncode == 0 and "each user gets a copy of the code" in done.stderr, done
    assert not list((prefix / "lib").iterdir())
    (prefix / "lib").chmod(0o755)
    done = run_as(ROOT, *words, env=environ)
    assert done.returncode == 0 and "copy of the code" not in done.stderr, done
    assert list((prefix / "lib").glob("bkagent/code/*/python"))


CHAINS: Dict[str, List[str]] = {
    # What is done to BASE/a/b/bkagent/code/HASH, all of it root's and 0755; and whether it is trusted then.
    "as it is": ["yes"],
    "the group can write to a": ["no", "chmod 775 a"],
    "all can write to the code": ["no", "chmod 777 a/b/bkagent/code/@HASH@"],
    "all can write to a sticky folder on the way": ["yes", "chmod 1777 a"],
    "the code is in a sticky folder": ["yes", "chmod 1777 a/b/bkagent/code"],
    "the code is a sticky folder": ["no", "chmod 1777 a/b/bkagent/code/@HASH@"],
    "another user has a": ["no", "chown 65534 a"],
    "another user has the code": ["no", "chown 65534 a/b/bkagent/code/@HASH@"],
    "another user has a folder in a sticky one": ["no", "chmod 1777 a", "chown 65534 a/b"],
    "the code is a link": ["no", "mv a/b/bkagent/code/@HASH@ real", "ln -s $PWD/real a/b/bkagent/code/@HASH@"],
    "what is above is a link": ["yes", "mv a real", "ln -s real a"],
    "what is above is a link to what all can write to": ["no", "mv a real", "ln -s real a", "chmod 777 real"],
    "nothing is there": ["no", "rm -r a"],
}


def _shells() -> List[List[str]]:
    known = [["dash"], ["bash", "--posix"], ["busybox", "ash"], ["sh"]]
    return [words for words in known if shutil.which(words[0])]


@pytest.mark.parametrize("chain", CHAINS)
def test_the_header_and_the_code_have_one_rule(commons: Path, chain: str) -> None:
    verdict, *changes = CHAINS[chain]
    code = commons / "a" / "b" / "bkagent" / "code" / "@HASH@"
    code.mkdir(parents=True)
    subprocess.run(["sh", "-e", "-c", "\n".join(changes)], cwd=str(commons), check=True)
    function = HEADER.read_text().partition("__bk_run=")[0]
    script = function + '__bk_find_trusted "$0" && printf "%s" "$__bk_code"'
    for shell in _shells():
        done = subprocess.run([*shell, "-c", script, str(commons / "a" / "b")], stdout=subprocess.PIPE)
        assert (done.returncode == 0) == (verdict == "yes"), shell
        assert done.returncode or done.stdout.decode() == os.path.realpath(str(code))
    if "link" in chain and code.is_symlink():
        return  # followed by the other, whose link lies in a folder of root's, to a folder of root's
    try:
        trusted = bool(trusted_path.check(str(code)))
    except (ConfigError, OSError):
        trusted = False
    assert trusted == (verdict == "yes")
