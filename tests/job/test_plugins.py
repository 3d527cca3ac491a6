"""A step's plugins: which of their hooks run, when, what they are told, and what keeps a job from its command."""

import json
import os
import pathlib
import subprocess
import sys
from typing import Dict, Optional, Tuple

import pytest

from tests.job.conftest import MOSTLY_WARM, Ended, JobSandbox

STARTS = MOSTLY_WARM
_NOTE = 'echo "{name}" >>"$SEEN"'


class Plugins:
    """Plugins of their own repositories, and some of the job's checkout."""

    def __init__(self, sandbox: JobSandbox) -> None:
        self.sandbox = sandbox
        self.folder = sandbox.root / "plugins"
        self._jobs_count = 0

    def add(self, name: str, **hooks: str) -> str:
        """Make a repository with hooks; return its source."""
        folder = self.sandbox.root / "repos" / f"{name}-buildkite-plugin"
        _hooks(folder, name, hooks)
        self.git(folder, "init", "-q", "-b", "main")
        self.commit(folder)
        return str(folder)

    def vendor(self, name: str, **hooks: str) -> str:
        """Make a plugin in the job's checkout; return its source."""
        _hooks(self.sandbox.checkout / ".buildkite" / "plugins" / name, name, hooks)
        return f"./.buildkite/plugins/{name}"

    def git(self, folder: pathlib.Path, *words: str) -> None:
        who = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
        env = {**self.sandbox.env, "GIT_CONFIG_NOSYSTEM": "1"}
        subprocess.run(["git", *who, *words], cwd=str(folder), env=env, check=True, stdout=subprocess.DEVNULL)

    def commit(self, folder: pathlib.Path) -> None:
        self.git(folder, "add", "-A")
        self.git(folder, "commit", "-q", "-m", "more")

    def run(self, plugins: object, command: str = "true", env: Optional[Dict[str, str]] = None) -> Ended:
        text = plugins if isinstance(plugins, str) else json.dumps(plugins)
        whole = {"BUILDKITE_PLUGINS": text, "BUILDKITE_PLUGINS_PATH": str(self.folder), **(env or {})}
        self._jobs_count += 1
        return self.sandbox.run(command, whole, job_id=f"job-{self._jobs_count}")


def _hooks(folder: pathlib.Path, name: str, hooks: Dict[str, str]) -> None:
    (folder / "hooks").mkdir(parents=True)
    (folder / "hooks" / ".keep").touch()
    for hook, text in hooks.items():
        hook = hook.replace("_", "-")
        (folder / "hooks" / hook).write_text((text or _NOTE.format(name=f"{name} {hook}")) + "\n", encoding="utf-8")


@pytest.fixture
def plugins(sandbox: JobSandbox) -> Plugins:
    return Plugins(sandbox)


_NAMES = ("environment", "pre_checkout", "post_checkout", "pre_command", "post_command", "pre_exit")
_ALL = dict.fromkeys(_NAMES, "")


def test_hooks_of_plugins_come_after_the_agents_and_the_repositorys(sandbox: JobSandbox, plugins: Plugins) -> None:
    for name in ("environment", "pre-checkout", "post-checkout", "pre-command", "post-command", "pre-exit"):
        sandbox.hook(name, _NOTE.format(name=f"agent {name}"))
        sandbox.local_hook(name, _NOTE.format(name=f"repository {name}"))
    ended = plugins.run([plugins.vendor("own", **_ALL), plugins.add("one", **_ALL), plugins.add("two", **_ALL)])
    assert ended.status == 0
    assert sandbox.seen() == [
        "agent environment", "one environment", "two environment",
        "agent pre-checkout", "one pre-checkout", "two pre-checkout",
        "agent post-checkout", "repository post-checkout", "one post-checkout", "two post-checkout",
        # A plugin of the repository cannot be there before the repository is.
        "own environment",
        "agent pre-command", "repository pre-command", "one pre-command", "two pre-command", "own pre-command",
        "agent post-command", "repository post-command", "one post-command", "two post-command", "own post-command",
        "agent pre-exit", "repository pre-exit", "one pre-exit", "two pre-exit", "own pre-exit",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("has", "expected"),
    [
        (("plugin", "repository", "agent"), "my command"),
        (("repository", "agent"), "repository"),
        (("agent",), "agent"),
        ((), "default"),
    ],
)
def test_a_plugins_command_hook_comes_before_all_others(
    sandbox: JobSandbox, plugins: Plugins, has: Tuple[str, ...], expected: str
) -> None:
    if "agent" in has:
        sandbox.hook("command", _NOTE.format(name="agent"))
    if "repository" in has:
        sandbox.local_hook("command", _NOTE.format(name="repository"))
    plugins.run([plugins.add("my", **({"command": ""} if "plugin" in has else {}))], _NOTE.format(name="default"))
    assert sandbox.seen() == [expected]


@pytest.mark.parametrize("strict", ["true", "false"])
def test_a_second_command_hook_is_warned_of_or_left_out(sandbox: JobSandbox, plugins: Plugins, strict: str) -> None:
    wanted = [plugins.add("one", pre_command=""), plugins.add("two", command=""), plugins.add("three", command="")]
    ended = plugins.run(wanted, env={"BUILDKITE_STRICT_SINGLE_HOOKS": strict})
    commands = ["two command"] if strict == "true" else ["two command", "three command"]
    assert sandbox.seen() == ["one pre-command", *commands]
    (warning,) = (line for line in ended.lines if "Warning" in line)
    assert "additional command hook (three plugin, position 3)" in warning
    assert ("Ignoring" in warning) == (strict == "true")


def test_a_plugins_checkout_hook_stands_in_for_the_checkout(sandbox: JobSandbox, plugins: Plugins) -> None:
    sandbox.hook("checkout", _NOTE.format(name="agent"))
    source = plugins.add("my", checkout="echo checked > out; " + _NOTE.format(name="plugin"))
    nothing_sent = {"BUILDKITE_SKIP_CHECKOUT": "false", "BUILDKITE_COMMIT_RESOLVED": "true"}
    ended = plugins.run([source], 'cat out >>"$SEEN"', nothing_sent)
    assert (ended.status, sandbox.seen()) == (0, ["plugin", "checked"])


def test_a_plugin_asked_for_twice_is_cloned_once_and_told_each_its_own(sandbox: JobSandbox, plugins: Plugins) -> None:
    source = plugins.add("my", pre_command='echo "$BUILDKITE_PLUGIN_MY_A" >>"$SEEN"')
    ended = plugins.run([{source: {"a": 1}}, {source: {"a": "two"}}], 'echo "${BUILDKITE_PLUGIN_MY_A-unset}" >>"$SEEN"')
    assert sandbox.seen() == ["1", "two", "unset"]
    assert sum("git clone" in line for line in ended.lines) == 1


def test_a_hook_can_have_plugins_cloned_anew(sandbox: JobSandbox, plugins: Plugins) -> None:
    source = plugins.add("my", pre_command='echo old >>"$SEEN"')
    plugins.run([source])
    (pathlib.Path(source) / "hooks" / "pre-command").write_text('echo new >>"$SEEN"\n')
    plugins.commit(pathlib.Path(source))
    assert any("already checked out" in line for line in plugins.run([source]).lines)
    sandbox.hook("environment", "export BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH=true")
    assert any("removing previous checkout" in line for line in plugins.run([source]).lines)
    assert sandbox.seen() == ["old", "old", "new"]


def test_a_plugins_hook_changes_the_job_but_its_configuration_stays_its_own(
    sandbox: JobSandbox, plugins: Plugins
) -> None:
    source = plugins.add("my", pre_command="export FOUND=$BUILDKITE_PLUGIN_MY_KEY BUILDKITE_PLUGIN_MY_OTHER=changed")
    command = 'echo "$FOUND ${BUILDKITE_PLUGIN_MY_KEY-unset} $BUILDKITE_PLUGIN_MY_OTHER" >>"$SEEN"'
    ended = plugins.run([{source: {"key": "value", "other": "first"}}], command)
    assert sandbox.seen() == ["value unset changed"]
    assert ended.has("# FOUND added")
    assert ended.has("# BUILDKITE_PLUGIN_MY_OTHER changed")


def test_names_with_several_underscores_are_set_in_both_forms(sandbox: JobSandbox, plugins: Plugins) -> None:
    source = plugins.add("my", pre_command='echo "$BUILDKITE_PLUGIN_MY_A_B $BUILDKITE_PLUGIN_MY_A__B" >>"$SEEN"')
    ended = plugins.run([{source: {"a--b": 5}}])
    assert sandbox.seen() == ["5 5"]
    at = ended.lines.index("~~~ Deprecated environment variables for plugin my")
    told = ended.lines[at + 2 : at + 6]
    assert told[:3] == ['deprecated: "BUILDKITE_PLUGIN_MY_A_B"', 'replacement: "BUILDKITE_PLUGIN_MY_A__B"', ""]
    assert told[3] == "~~~ Running plugin my pre-command hook"


def test_a_null_leaves_a_plugin_without_variables(sandbox: JobSandbox, plugins: Plugins) -> None:
    source = plugins.add("my", pre_command='env | grep -c ^BUILDKITE_PLUGIN_ >>"$SEEN"')
    ended = plugins.run([{source: {"a": 1, "b": [None]}}])
    assert sandbox.seen() == ["0"]
    assert any("Error configuring plugin environment: unknown type <nil> <nil>" in line for line in ended.lines)


def test_a_program_of_a_plugin_is_told_its_scope(sandbox: JobSandbox, plugins: Plugins) -> None:
    source = plugins.vendor("my")
    hook = sandbox.checkout / ".buildkite" / "plugins" / "my" / "hooks" / "pre-command"
    script = 'import os\nprint(os.environ["BUILDKITE_HOOK_SCOPE"], os.environ["BUILDKITE_PLUGIN_MY_A"])\n'
    hook.write_text("#!/usr/bin/env python3\n" + script)
    hook.chmod(0o755)
    assert plugins.run([{source: {"a": "x"}}]).has("plugin x")


def _failing(plugins: Plugins, what: str) -> str:
    """Return the text of BUILDKITE_PLUGINS that fails for some reason."""
    my = plugins.add("my", pre_command="", pre_exit="")
    return {
        "an object": "{}",
        "null": "null",
        "no configuration": json.dumps([{my: "text"}]),
        "two versions": json.dumps([f"{my}#a#b"]),
        "scp": json.dumps(["git@host:org/x.git"]),
        "incomplete": json.dumps([my, "https://github.com/x"]),
        "a zip": json.dumps(["zip+https://example.com/my.zip"]),
        "no such version": json.dumps([f"{my}#v9"]),
        "an option": json.dumps([f"{my}#--orphan=x"]),
        "vendored, missing": json.dumps([my, "./.buildkite/plugins/none"]),
        "vendored, outside": json.dumps(["./../../plugins"]),
    }[what]


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("an object", "failed to parse a plugin definition: JSON structure was not an array"),
        ("null", "failed to parse a plugin definition: JSON structure was not an array"),
        ("no configuration", "is not a hash"),
        ("two versions", "too many '#'s in"),
        ("scp", "first path segment in URL cannot contain colon"),
        ("incomplete", "failed to checkout plugin x: failed to get repository subdirectory: incomplete plugin path"),
        ("a zip", 'zip plugins require the "zip-plugins" experiment'),
        ("no such version", "failed to checkout plugin my: exit status 1"),
        ("an option", '"--orphan=x" is not a valid version'),
        ("vendored, missing", 'vendored plugin path "./.buildkite/plugins/none" must be a directory within'),
        ("vendored, outside", 'vendored plugin path "./../../plugins" must be a directory within'),
    ],
)
def test_a_step_whose_plugins_cannot_be_had_does_not_run(
    sandbox: JobSandbox, plugins: Plugins, what: str, text: str
) -> None:
    sandbox.hook("pre-exit", _NOTE.format(name="agent pre-exit"))
    ended = plugins.run(_failing(plugins, what), _NOTE.format(name="command"))
    assert ended.status == 1
    assert any("Error: " in line and text in line for line in ended.lines), ended.lines
    # Those that are there already have their last hook.
    loaded = ["my pre-exit"] if what == "vendored, missing" else []
    assert sandbox.seen() == ["agent pre-exit", *loaded]


def test_a_clone_that_fails_gives_gits_status(sandbox: JobSandbox, plugins: Plugins) -> None:
    missing = str(sandbox.root / "repos" / "none-buildkite-plugin")
    assert plugins.run([missing]).status == 128
    assert os.listdir(plugins.folder) == ["an agent.1"]


@pytest.mark.parametrize(
    ("env", "option"),
    [
        ({}, "--no-plugins"),
        ({"BUILDKITE_COMMAND_EVAL": "false"}, "--no-command-eval"),
        ({"BUILDKITE_COMMAND_EVAL": "false", "BUILDKITE_LOCAL_HOOKS_ENABLED": "false"}, "--no-local-hooks"),
    ],
)
def test_where_plugins_are_off_the_log_says_by_what(plugins: Plugins, env: Dict[str, str], option: str) -> None:
    ended = plugins.run([plugins.vendor("my")], env={"BUILDKITE_PLUGINS_ENABLED": "false", **env})
    assert ended.status == 1
    assert any(f"plugins have been disabled on this agent with `{option}`" in line for line in ended.lines)


@pytest.mark.parametrize("hook", ["environment", "pre_checkout", "pre_command", "post_command", "pre_exit"])
def test_a_failing_hook_of_a_plugin_gives_the_job_its_status(plugins: Plugins, hook: str) -> None:
    ended = plugins.run([plugins.add("my", **{hook: "exit 41"})])
    name = hook.replace("_", "-")
    assert ended.status == 41
    assert any(f"the plugin my {name} hook exited with status 41" in line for line in ended.lines)


@pytest.mark.parametrize(("value", "status"), [("1", 0), ('"x"', 1)])
def test_a_configuration_is_held_against_the_plugins_schema(
    sandbox: JobSandbox, plugins: Plugins, value: str, status: int
) -> None:
    source = plugins.vendor("my", environment="")
    definition = "configuration:\n  properties:\n    a: {type: integer}\n"
    (sandbox.checkout / ".buildkite" / "plugins" / "my" / "plugin.yml").write_text(definition)
    ended = plugins.run(f'[{{"{source}": {{"a": {value}}}}}]', env={"BUILDKITE_PLUGIN_VALIDATION": "true"})
    assert ended.status == status
    assert sandbox.seen() == (["my environment"] if status == 0 else [])
    assert ended.has('~~~ Plugin validation failed for "my"') == bool(status)


def test_a_step_without_plugins_says_nothing_of_them(plugins: Plugins) -> None:
    assert not plugins.run("").has("~~~ Preparing plugins")
    ended = plugins.run("[]")
    assert ended.has("~~~ Preparing plugins")
    assert ended.status == 0


def test_phases_without_plugin_leave_plugins_out(sandbox: JobSandbox, plugins: Plugins) -> None:
    ended = plugins.run([plugins.vendor("my", pre_command="")], env={"BUILDKITE_BOOTSTRAP_PHASES": "command"})
    assert (ended.status, sandbox.seen()) == (0, [])


def test_a_job_process_loads_what_plugins_need_only_for_a_step_that_has_them() -> None:
    code = "import sys, bkagent.job.process; print([name for name in sys.modules if 'bkagent.plugins' in name])"
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, check=True)
    assert done.stdout == b"[]\n"


def test_a_plugin_that_mounts_the_agent_into_its_container_is_told_which(sandbox: JobSandbox, plugins: Plugins) -> None:
    """And no other plugin or hook: where the variable is set, plugins mount the agent without having been asked to."""
    text = 'echo "$BUILDKITE_PLUGIN_NAME: ${BUILDKITE_AGENT_BINARY_PATH-unset}" >>"$SEEN"'
    asked, other = plugins.add("asked", pre_command=text), plugins.add("other", pre_command=text)
    configured = [{asked: {"mount-buildkite-agent": True}}, {other: {"mount-buildkite-agent": False}}]
    ended = plugins.run(configured, text, {"BKAGENT_CONTAINER_BINARY": "/opt/static-agent"})
    assert ended.status == 0, ended.lines
    assert sandbox.seen() == ["ASKED: /opt/static-agent", "OTHER: unset", ": unset"]
