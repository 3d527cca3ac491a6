"""Jobs as version 3 and as version 4 of the reference run them: both sides of each row of docs/compat.md."""

import pytest

from bkagent.checkout import checkout_settings as checkout
from bkagent.config.compat import LEGACY_ORDER, Compat
from tests.job.conftest import MOSTLY_WARM, JobSandbox
from tests.job.test_plugins import Plugins

STARTS = MOSTLY_WARM
NAMES = ("post-checkout", "post-command", "pre-exit", "pre-command")
FORWARD = ["agent", "repository", "one", "two"]


@pytest.fixture
def plugins(sandbox: JobSandbox) -> Plugins:
    return Plugins(sandbox)


@pytest.mark.parametrize(
    ("env", "order"),
    [
        ({}, FORWARD),
        ({"BKAGENT_COMPAT": "4"}, FORWARD[::-1]),
        ({"BKAGENT_COMPAT": "4", "BUILDKITE_AGENT_EXPERIMENT": LEGACY_ORDER}, FORWARD),
    ],
)
def test_order_of_post_hooks(sandbox: JobSandbox, plugins: Plugins, env: "dict[str, str]", order: "list[str]") -> None:
    for name in NAMES:
        sandbox.hook(name, f'echo "agent {name}" >>"$SEEN"')
        sandbox.local_hook(name, f'echo "repository {name}" >>"$SEEN"')
    hooks = {name.replace("-", "_"): "" for name in NAMES}
    ended = plugins.run([plugins.add("one", **hooks), plugins.add("two", **hooks)], env=env)
    assert ended.status == 0
    for name in NAMES:
        ran = [line.split()[0] for line in sandbox.seen() if line.endswith(f" {name}")]
        assert ran == (FORWARD if name == "pre-command" else order), name


@pytest.mark.parametrize(("version", "aliases"), [("3", "x x"), ("4", "x ")])
def test_names_of_plugin_variables(sandbox: JobSandbox, plugins: Plugins, version: str, aliases: str) -> None:
    text = 'echo "$BUILDKITE_PLUGIN_ONE_A__B $BUILDKITE_PLUGIN_ONE_A_B" >>"$SEEN"'
    plugins.run([{plugins.add("one", pre_command=text): {"a--b": "x"}}], env={"BKAGENT_COMPAT": version})
    assert sandbox.seen() == [aliases]


@pytest.mark.parametrize(("version", "status"), [("3", 1), ("4", 0)])
def test_docker_by_variables(sandbox: JobSandbox, version: str, status: int) -> None:
    env = {"BUILDKITE_DOCKER_FILE": "Dockerfile", "BKAGENT_COMPAT": version}
    assert sandbox.run("true", env).status == status


@pytest.mark.parametrize("version", ["3", "4"])
def test_what_a_checkout_is_told(version: str) -> None:
    found = checkout.read({"BKAGENT_COMPAT": version}, lambda sentence: None)
    assert (found.is_v4, found.resolves_commit) == (version == "4", version == "4")


_OLD = "-o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null"


@pytest.mark.parametrize(
    ("version", "ssh", "env", "command"),
    [
        ("3", "OpenSSH_9.2p1", {}, ""),
        ("4", "OpenSSH_9.2p1 Debian-2, OpenSSL 3", {}, "ssh -o StrictHostKeyChecking=accept-new"),
        ("4", "OpenSSH_for_Windows_8.1p1", {}, "ssh -o StrictHostKeyChecking=accept-new"),
        ("4", "OpenSSH_7.6p1", {"GIT_SSH_COMMAND": "my ssh"}, "my ssh -o StrictHostKeyChecking=accept-new"),
        ("4", "OpenSSH_7.5p1", {}, f"ssh {_OLD}"),
        ("4", "another program", {}, "ssh -o StrictHostKeyChecking=accept-new"),
        ("4", "OpenSSH_7.5p1", {"BUILDKITE_SSH_KEYSCAN": "false"}, "ssh -o StrictHostKeyChecking=yes"),
        ("4", "OpenSSH_9.2p1", {"GIT_SSH": "/bin/true"}, ""),
    ],
)
def test_what_ssh_does_about_hosts(
    sandbox: JobSandbox, version: str, ssh: str, env: "dict[str, str]", command: str
) -> None:
    program = sandbox.root / "bin" / "ssh"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "{ssh}" >&2\n', encoding="ascii")
    program.chmod(0o755)
    found = {"PATH": f"{program.parent}:{sandbox.env['PATH']}", "BKAGENT_COMPAT": version, **env}
    sandbox.env.pop("GIT_SSH_COMMAND", None)
    assert sandbox.run('echo "$GIT_SSH_COMMAND" >>"$SEEN"', found).status == 0
    assert sandbox.seen() == [command]


def test_every_switch_is_on_on_one_side() -> None:
    old, new = Compat("3"), Compat("4")
    assert all(getattr(old, name) != getattr(new, name) for name in Compat.__slots__)
