"""Which living git may hold a lock, by all the ways in which a git is told what it works on."""

import os
import subprocess
import sys

import pytest

from bkagent.system import lock_holders

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux shows what others work on")

# Words and variables of a git that waits for its standard input.
AT_WORK = {
    "an absolute path": (["--git-dir", "{root}/repository/.git"], {}),
    "an assignment": (["--git-dir={root}/repository/.git"], {}),
    "a relative path": (["--git-dir", "repository/.git"], {}),
    "a path over a link": (["--git-dir", "{root}/link/.git"], {}),
    "its folder": (["-C", "repository"], {}),
    "a variable": ([], {"GIT_DIR": "{root}/repository/.git"}),
    "a relative variable": ([], {"GIT_DIR": "link/.git"}),
}
ELSEWHERE = {
    "another repository": (["--git-dir", "other/.git"], {}),
    "a variable of another": ([], {"GIT_DIR": "{root}/other/.git", "OTHER": "{root}/repository"}),
}


@pytest.fixture
def root(tmp_path):
    for name in ("repository", "other"):
        subprocess.run(["git", "init", "-q", name], cwd=tmp_path, check=True)
    (tmp_path / "link").symlink_to("repository")
    (tmp_path / "repository" / ".git" / "index.lock").touch()
    return tmp_path


def holder_while_at_work(root, words, variables):
    argv = ["git", *(word.format(root=root) for word in words), "cat-file", "--batch"]
    env = {**os.environ, **{name: value.format(root=root) for name, value in variables.items()}}
    with subprocess.Popen(argv, cwd=root, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as git:
        git.stdin.write(b"none\n")
        git.stdin.flush()
        assert git.stdout.readline() == b"none missing\n"
        try:
            repository = root / "repository"
            said = lock_holders.holder(str(repository / ".git" / "index.lock"), str(repository))
        finally:
            git.stdin.close()
        return said, f"process {git.pid} (git)"


@pytest.mark.parametrize("way", AT_WORK)
def test_a_git_that_works_there_may_hold_the_lock(root, way):
    said, name = holder_while_at_work(root, *AT_WORK[way])
    assert said == name


@pytest.mark.parametrize("way", ELSEWHERE)
def test_a_git_that_works_elsewhere_holds_nothing(root, way):
    said, _ = holder_while_at_work(root, *ELSEWHERE[way])
    assert not said
