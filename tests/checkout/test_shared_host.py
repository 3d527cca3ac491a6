"""Two kinds of agent on one machine: their jobs take one mirror and one plugin at the same time.

Needs the reference's agent: `buildkite-agent` on the PATH, or named by REFERENCE_AGENT. The paths of the locks, which
are what both agree by, are tested without it (test_mirrors.py).
"""

import json
import os
import shutil
import subprocess

import pytest

from bkagent.config.launching import self_command
from bkagent.git.location import mirror_folder
from bkagent.system import file_lock

REFERENCE = os.environ.get("REFERENCE_AGENT") or shutil.which("buildkite-agent")
JOBS_PER_KIND = 4


@pytest.fixture
def plugin(make_repository):
    made = make_repository("greeting-buildkite-plugin")
    os.makedirs(os.path.join(made.path, "hooks"))
    with open(os.path.join(made.path, "hooks", "pre-command"), "w") as file:
        file.write("#!/bin/bash\necho hello from the plugin\n")
    made.commit()
    return made


class Host:
    """Runs jobs of both kinds in one set of folders."""

    def __init__(self, tmp_path, env, upstream, plugin):
        self.path, self.env, self.upstream, self.plugin = tmp_path, env, upstream, plugin
        self.mirrors = str(tmp_path / "mirrors")
        self.mirror = os.path.join(self.mirrors, mirror_folder(upstream.path))

    def start(self, argv, name, commit):
        env = {
            **self.env,
            "BUILDKITE_JOB_ID": name,
            "BUILDKITE_REPO": self.upstream.path,
            "BUILDKITE_COMMIT": commit,
            "BUILDKITE_COMMIT_RESOLVED": "true",
            "BUILDKITE_BRANCH": "main",
            "BUILDKITE_AGENT_NAME": "shared",
            "BUILDKITE_ORGANIZATION_SLUG": "acme",
            "BUILDKITE_PIPELINE_SLUG": "widgets",
            "BUILDKITE_PIPELINE_PROVIDER": "custom",
            "BUILDKITE_AGENT_NO_JOB_API": "true",
            "BUILDKITE_BUILD_PATH": str(self.path / "builds" / name),
            "BUILDKITE_PLUGINS_PATH": str(self.path / "plugins"),
            "BUILDKITE_GIT_MIRRORS_PATH": self.mirrors,
            "BUILDKITE_PLUGINS": json.dumps([f"file://{self.plugin.path}"]),
            "BUILDKITE_COMMAND": "git rev-parse HEAD",
        }
        return subprocess.Popen(
            [*argv, "bootstrap"], env=env, cwd=str(self.path), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )  # fmt: skip


@pytest.fixture
def host(tmp_path, env, upstream, plugin):
    return Host(tmp_path, env, upstream, plugin)


def kinds():
    ours = self_command.command([])
    if not REFERENCE:
        return [pytest.param([ours, ours], id="ours alone")]
    return [pytest.param([ours, ours], id="ours alone"), pytest.param([ours, [REFERENCE]], id="both kinds")]


@pytest.mark.parametrize("agents", kinds())
def test_jobs_of_all_agents_share_a_mirror_and_a_plugin(host, upstream, agents):
    """First there is neither; then each job wants a commit that the mirror does not have.

    The agents have one name, and so one folder of plugins. The reference's job fails where it is not the first to
    have cloned one; ours takes what is there.
    """
    for round_number in range(2):
        commit = upstream.commit(f"Round {round_number}")
        running = [
            (argv, host.start(argv, f"job-{round_number}-{kind}-{number}", commit))
            for number in range(JOBS_PER_KIND)
            for kind, argv in enumerate(agents)
        ]
        for argv, process in running:
            text = process.communicate(timeout=120)[0].decode("utf-8", "replace")
            if argv == [REFERENCE] and "failed to checkout plugin" in text and "file exists" in text:
                continue
            assert process.returncode == 0, text
            assert "hello from the plugin" in text
            assert commit in text.split("~~~ Running commands")[1]
    subprocess.run(["git", "--git-dir", host.mirror, "fsck"], env=host.env, check=True)
    locks = {name for name in os.listdir(host.mirrors) if name.endswith("lockf")}
    assert locks == {os.path.basename(host.mirror) + suffix for suffix in (".clonelockf", ".updatelockf")}
    if [REFERENCE] not in agents:  # which leaves the clone of a job that was too late
        assert os.listdir(str(host.path / "plugins")) == ["shared"]


@pytest.mark.skipif(not REFERENCE, reason="needs the reference's agent: REFERENCE_AGENT names it")
@pytest.mark.parametrize("which", ["clone", "update"])
def test_a_lock_of_ours_keeps_the_reference_waiting_too(host, upstream, which):
    if which == "update":
        subprocess.run(["git", "clone", "-q", "--mirror", upstream.path, host.mirror], env=host.env, check=True)
    os.makedirs(host.mirrors, exist_ok=True)
    held = file_lock.open_lock(f"{host.mirror}.{which}lockf")
    assert file_lock.try_lock(held)
    try:
        host.env["BUILDKITE_GIT_MIRRORS_LOCK_TIMEOUT"] = "1"
        for number, argv in enumerate((self_command.command([]), [REFERENCE])):
            running = host.start(argv, f"job-{number}", upstream.first)
            text = running.communicate(timeout=120)[0].decode("utf-8", "replace")
            assert running.returncode == 94, text
            assert f"{host.mirror}.{which}lockf" in text
    finally:
        os.close(held)
