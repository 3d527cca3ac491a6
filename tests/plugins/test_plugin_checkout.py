"""Plugins cloned from real repositories, reused, renewed, or found in the job's own."""

import os
import subprocess

import pytest

from bkagent.errors import JobFailed
from bkagent.plugins.checkout import Wishes, check_out, find_vendored
from bkagent.plugins.parse import plugin_of
from bkagent.shell.log_lines import LogLines
from bkagent.shell.session import Session
from tests.fakes.job_log import RecordedJobLog


@pytest.fixture
def log():
    return RecordedJobLog()


@pytest.fixture
def session(tmp_path, log):
    (tmp_path / "build").mkdir()
    env = {name: value for name, value in os.environ.items() if not name.startswith("BUILDKITE")}
    env.update(HOME=str(tmp_path), GIT_CONFIG_GLOBAL=os.devnull)
    return Session(env, str(tmp_path / "build"), LogLines(log), pty=False)


@pytest.fixture
def source(tmp_path, session):
    """A plugin's repository with a tag; the tests' plugins are clones of it."""
    folder = tmp_path / "repos" / "my-buildkite-plugin"
    (folder / "hooks").mkdir(parents=True)
    (folder / "hooks" / "command").write_text("echo plugin\n")
    (folder / "sub" / "hooks").mkdir(parents=True)
    (folder / "sub" / "hooks" / "command").write_text("echo sub\n")
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "x"], ["tag", "v1"]):
        subprocess.run(["git", *words], cwd=folder, env=session.env, check=True)
    return str(folder)


@pytest.fixture
def wishes(tmp_path):
    return Wishes(str(tmp_path / "plugins"), "agent-1")


def test_a_plugin_is_cloned_beside_the_others_and_moved(session, source, wishes, log):
    found = check_out(session, plugin_of(source + "#v1", {}), wishes)
    folder = os.path.join(wishes.path, "agent-1", source.strip("/").replace("/", "-").replace("_", "-") + "-v1")
    assert (found.root, found.hooks) == (folder, os.path.join(folder, "hooks"))
    assert os.listdir(wishes.path) == ["agent-1"]
    aside = next(line for line in log.prompts if line.startswith("$ mv ")).split()[2]
    assert log.prompts == [
        f'# Plugin "my" will be checked out to "{folder}"',
        f"$ mktemp -dp {wishes.path}",
        "# Switching to the temporary plugin directory",
        f"$ cd {aside}",
        f"$ git clone -v --recursive -- {source} .",
        "# Checking out `v1`",
        "$ git -c advice.detachedHead=false checkout -f v1",
        "# Moving temporary plugin directory to final location",
        f"$ mv {aside} {folder}",
        f"$ cd {session.cwd}",
    ]


def test_a_second_job_uses_what_is_there(session, source, wishes, log):
    plugin = plugin_of(source + "#v1", {})
    first = check_out(session, plugin, wishes)
    commit = subprocess.run(
        ["git", "rev-parse", "--short=7", "HEAD"], cwd=source, env=session.env, stdout=subprocess.PIPE, check=True
    )
    log.bytes = b""
    assert check_out(session, plugin, wishes) == first
    assert log.prompts == [f'# Plugin "{source}#v1" already checked out ({commit.stdout.decode().strip()})']


def test_a_fresh_clone_may_be_asked_for(session, source, wishes, log):
    plugin = plugin_of(source + "#v1", {})
    mark = os.path.join(check_out(session, plugin, wishes).root, "mark")
    with open(mark, "w"):
        pass
    log.bytes = b""
    check_out(session, plugin, Wishes(wishes.path, wishes.agent_name, always_fresh=True))
    assert not os.path.exists(mark)
    assert log.prompts[0] == (
        f"# BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH is true; removing previous checkout of plugin {source}#v1"
    )


@pytest.mark.parametrize("fault", ["HEAD", "config", "objects"])
def test_a_damaged_clone_of_a_plugin_is_cloned_again(session, source, wishes, log, fault):
    plugin = plugin_of(source + "#v1", {})
    git_folder = os.path.join(check_out(session, plugin, wishes).root, ".git")
    if fault == "objects":
        for folder, _, names in os.walk(os.path.join(git_folder, "objects")):
            for name in names:
                os.unlink(os.path.join(folder, name))
    else:
        with open(os.path.join(git_folder, fault), "r+b") as file:
            file.truncate(0 if fault == "HEAD" else len("[core"))
    log.bytes = b""
    root = check_out(session, plugin, wishes).root
    assert any("git clone" in line for line in log.prompts)
    assert "is damaged: cloning it again" in log.text
    subprocess.run(["git", "fsck", "--full"], cwd=root, env=session.env, check=True)


def test_what_was_put_in_a_plugins_place_by_hand_stays(session, source, wishes, log):
    plugin = plugin_of(source + "#v1", {})
    root = check_out(session, plugin, wishes).root
    os.rename(os.path.join(root, ".git"), os.path.join(root, "former"))
    os.makedirs(os.path.join(root, ".git"))
    log.bytes = b""
    assert check_out(session, plugin, wishes).root == root
    assert not any("git clone" in line for line in log.prompts)


def test_a_plugin_may_lie_below_its_repository(session, source, wishes, tmp_path):
    os.rename(source, source + ".git")
    found = check_out(session, plugin_of(f"file://{source}.git/sub#v1", {}), wishes)
    assert found.hooks == os.path.join(found.root, "sub", "hooks")


def test_a_missing_version_fails_with_gits_status_and_leaves_nothing(session, source, wishes):
    with pytest.raises(JobFailed) as failed:
        check_out(session, plugin_of(source + "#v9", {}), wishes)
    assert (str(failed.value), failed.value.exit_code) == ("failed to checkout plugin my: exit status 1", 1)
    assert os.listdir(os.path.join(wishes.path, "agent-1")) == []
    assert os.listdir(wishes.path) == ["agent-1"]
    assert session.cwd.endswith("build")


def test_a_clone_is_tried_three_times(session, source, wishes, log, monkeypatch):
    monkeypatch.setattr("bkagent.shell.cancellation.Cancellation.wait", lambda self, seconds: False)
    with pytest.raises(JobFailed) as failed:
        check_out(session, plugin_of(source + "-nothing#v1", {}), wishes)
    assert failed.value.exit_code == 128
    assert sum("git clone" in line for line in log.prompts) == 3


@pytest.mark.parametrize("version", ["--upload-pack=x", "-b"])
def test_a_version_is_never_an_option(session, source, wishes, version):
    with pytest.raises(JobFailed, match="is not a valid version"):
        check_out(session, plugin_of(f"{source}#{version}", {}), wishes)


def test_a_plugin_without_hooks_is_refused(session, source, wishes):
    subprocess.run(["git", "mv", "hooks", "other"], cwd=source, env=session.env, check=True)
    subprocess.run(["git", "commit", "-q", "-m", "y"], cwd=source, env=session.env, check=True)
    with pytest.raises(JobFailed, match='"hooks" was not a directory within the "my" plugin'):
        check_out(session, plugin_of(source, {}), wishes)


@pytest.mark.parametrize("location", ["/", "//", "docker#v1"])
def test_a_location_without_a_folder_of_its_own_is_refused(session, wishes, location):
    with pytest.raises(JobFailed, match="failed to checkout plugin"):
        check_out(session, plugin_of(location, {}), wishes)


def test_an_agent_name_never_leads_out_of_the_folder(session, source, wishes):
    with pytest.raises(JobFailed, match="has no folder of its own"):
        check_out(session, plugin_of(source, {}), Wishes(wishes.path, "../.."))


def test_without_a_folder_for_plugins_there_are_none(session, source):
    with pytest.raises(JobFailed, match="without a `plugins-path`"):
        check_out(session, plugin_of(source, {}), Wishes("", "agent-1"))


def test_a_vendored_plugin_is_found_in_the_checkout(tmp_path):
    (tmp_path / ".buildkite" / "plugins" / "x" / "hooks").mkdir(parents=True)
    found = find_vendored(str(tmp_path), plugin_of("./.buildkite/plugins/x", {}))
    assert found.hooks == str(tmp_path / ".buildkite" / "plugins" / "x" / "hooks")
    assert found.root == str(tmp_path)


def test_a_vendored_plugin_elsewhere_is_refused(tmp_path):
    checkout = tmp_path / "checkout"
    (tmp_path / "outside" / "hooks").mkdir(parents=True)
    (checkout / "bare").mkdir(parents=True)
    os.symlink("../outside", checkout / "link")
    for location, what in (
        ("./../outside", 'path "./../outside"'),
        ("./link", 'path "./link"'),
        ("./missing", 'path "./missing"'),
        ("./bare", 'hooks path "bare/hooks"'),
    ):
        with pytest.raises(JobFailed) as failed:
            find_vendored(str(checkout), plugin_of(location, {}))
        text = f"vendored plugin {what} must be a directory within the checked-out repository: "
        assert str(failed.value).startswith(text)
