"""The variables of a job: what it brought, what the agent puts over it, and what it is told of that."""

import json

import pytest

from bkagent.agent.jobs import job_environment
from bkagent.agent.jobs.job_files import JobFiles, as_json
from bkagent.agent.jobs.job_start import JobStart
from bkagent.config.options import agent, agent_signing, checkout
from bkagent.wire.accepted_job import AcceptedJob
from tests.fakes.job_settings import job_settings

PLACES = {agent.BUILD_PATH: "/builds", agent.SOCKETS_PATH: "/sockets"}


def settings_with(values):
    return job_settings({**PLACES, **values}, launchers_path="/bin-of-ours")


SETTINGS = settings_with({})


def variables(env=None, settings=SETTINGS, step=None):
    own, left_out = job_environment.received(env or {}, settings.protection())
    context = JobStart(
        job=AcceptedJob("j", 100, env=env or {}, step=step or {}), settings=settings, endpoint="http://e", token="jt",
        request_headers={"Buildkite-A-B": "c"}, files=JobFiles("/f", "j"), agent_pid=7,
        own_env=own, left_out=tuple(left_out),
    )  # fmt: skip
    return job_environment.variables(context)


def ignored(found):
    return found.get("BUILDKITE_IGNORED_ENV", "").split(",")


def test_what_the_job_brings_stays_and_what_the_agent_says_wins():
    found = variables({"MINE": "1", "BUILDKITE_BUILD_PATH": "/evil", "BUILDKITE_AGENT_TOKEN": "stolen"})
    assert found["MINE"] == "1" and found["BUILDKITE_BUILD_PATH"] == "/builds"
    assert "BUILDKITE_AGENT_TOKEN" not in found and ignored(found) == ["BUILDKITE_BUILD_PATH"]
    assert found["BUILDKITE_AGENT_ACCESS_TOKEN"] == "jt" and found["BUILDKITE_REQUEST_HEADER_BUILDKITE_A_B"] == "c"
    assert found["BUILDKITE_GIT_REMOTE_MIRROR_URL"] == ""


def test_a_job_that_overrides_nothing_is_told_of_nothing():
    assert "BUILDKITE_IGNORED_ENV" not in variables({"BUILDKITE_REQUEST_HEADER_BUILDKITE_A_B": "old"})


def test_a_job_cannot_say_itself_what_was_ignored():
    assert "BUILDKITE_IGNORED_ENV" not in variables({"BUILDKITE_IGNORED_ENV": "X"})


@pytest.mark.parametrize(
    ("mode", "flags", "paths"),
    [("strict", "-f", ""), ("from-job", "-f", "theirs"), ("none", "theirs", "theirs")],
)
def test_who_may_change_the_checkout_is_the_modes_to_say(mode, flags, paths):
    settings = settings_with({checkout.OVERRIDE_MODE: mode})
    brought = {"BUILDKITE_GIT_CHECKOUT_FLAGS": "theirs", "BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS": "theirs"}
    found = variables(brought, settings)
    assert found["BUILDKITE_GIT_CHECKOUT_FLAGS"] == flags and found["BUILDKITE_GIT_SPARSE_CHECKOUT_PATHS"] == paths
    assert ("BUILDKITE_GIT_CHECKOUT_FLAGS" in ignored(found)) is (flags == "-f")


def test_a_default_that_says_nothing_leaves_the_jobs_word():
    assert variables({"BUILDKITE_SKIP_CHECKOUT": "true"})["BUILDKITE_SKIP_CHECKOUT"] == "true"
    strict = settings_with({checkout.OVERRIDE_MODE: "strict"})
    found = variables({"BUILDKITE_SKIP_CHECKOUT": "true"}, strict)
    assert found["BUILDKITE_SKIP_CHECKOUT"] == "false" and "BUILDKITE_SKIP_CHECKOUT" in ignored(found)


@pytest.mark.parametrize(("brought", "value", "told"), [("on", "true", False), ("no", "false", True)])
def test_a_job_may_ask_for_plugins_to_be_checked(brought, value, told):
    found = variables({"BUILDKITE_PLUGIN_VALIDATION": brought})
    assert found["BUILDKITE_PLUGIN_VALIDATION"] == value
    assert ("BUILDKITE_PLUGIN_VALIDATION" in ignored(found)) is told


def test_some_variables_are_there_only_when_they_say_something():
    quiet = {"BUILDKITE_PTY", "BUILDKITE_CANCEL_SIGNAL", "BUILDKITE_ARTIFACT_UPLOAD_CONCURRENCY",
             "BUILDKITE_NO_MULTIPART_ARTIFACT_UPLOAD", "BUILDKITE_AGENT_JWKS_FILE"}  # fmt: skip
    assert not quiet & set(variables())
    loud = settings_with({
        agent.NO_PTY: True, agent.CANCEL_SIGNAL: "SIGINT", agent.ARTIFACT_CONCURRENCY: 3, agent.NO_MULTIPART: True,
        agent_signing.SIGNING_JWKS_FILE: "/keys",
    })  # fmt: skip
    assert quiet <= set(variables(settings=loud))


def test_a_steps_secrets_and_cache_are_passed_on_in_one_form():
    found = variables(step={"secrets": {"TOKEN": "key"}, "cache": {"paths": ["a", "b"]}})
    assert found["BUILDKITE_SECRETS_CONFIG"] == '[{"environment_variable":"TOKEN","key":"key"}]'
    assert found["BUILDKITE_AGENT_CACHE_PATHS"] == "a,b"


def test_a_long_message_is_cut_to_what_a_process_can_be_given():
    short = job_environment.shortened("\N{SNOWMAN}" * 30000)
    assert short.endswith("[value truncated 90000 -> 65517 bytes]")
    assert 65510 < len(short.encode()) <= 65517
    assert job_environment.shortened("x" * 65536) == "x" * 65536


def test_variables_as_json_are_safe_inside_html():
    assert as_json({"b": "<&>\u2028", "a": "\u00e9"}) == '{"a":"\u00e9","b":"\\u003c\\u0026\\u003e\\u2028"}'


def test_which_version_a_job_is_run_as_is_the_agents_to_say():
    assert variables({"BKAGENT_COMPAT": "4"})["BKAGENT_COMPAT"] == "3"
    assert variables(settings=settings_with({agent.COMPAT: "4"}))["BKAGENT_COMPAT"] == "4"


def test_what_the_agent_says_about_programs_wins():
    names = [f"BUILDKITE_{name}" for name in ("SHELL", "HOOKS_SHELL", "BIN_PATH", "CONFIG_PATH", "HOOKS_PATH",
             "ADDITIONAL_HOOKS_PATHS", "PLUGINS_PATH", "SOCKETS_PATH", "COMMAND_EVAL", "AGENT_EXPERIMENT")]  # fmt: skip
    found = variables(dict.fromkeys([*names, "BUILDKITE_OVERRIDE_SELF"], "theirs"))
    assert "theirs" not in {found[name] for name in names} and "BUILDKITE_OVERRIDE_SELF" not in found
    assert {*names, "BUILDKITE_OVERRIDE_SELF"} == set(ignored(found))


def test_what_was_ignored_is_told_in_the_order_in_which_it_is_set():
    brought = ("COMMAND_EVAL", "GIT_CLONE_FLAGS", "HOOKS_PATH", "GIT_MIRRORS_PATH", "AGENT_PID")
    found = variables({f"BUILDKITE_{name}": "x" for name in brought})
    names = [f"BUILDKITE_{name}" for name in brought]
    assert ignored(found) == [names[4], names[3], names[2], names[0], names[1]]


def test_a_secret_without_a_variable_stays_without():
    found = variables(step={"secrets": [{"key": "A"}, {"key": "B", "environment_variable": "V"}, "C"]})
    assert json.loads(found["BUILDKITE_SECRETS_CONFIG"]) == [
        {"key": "A"}, {"key": "B", "environment_variable": "V"}, {"key": "C", "environment_variable": "C"},
    ]  # fmt: skip
