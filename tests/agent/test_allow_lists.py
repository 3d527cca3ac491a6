"""What the owner of an agent allows, held against addresses that mean something else than they seem to."""

import json
import subprocess
import sys

import pytest

from bkagent.agent.jobs.allow_lists import problems
from bkagent.config.options import agent
from tests.fakes.job_settings import job_settings

ACME = (r"^https://github\.com/acme/", r"^git@github\.com:acme/", r"^ssh://git@github\.com/acme/", r"^/srv/acme/")
ALLOWED = (
    "https://github.com/acme/site", "https://github.com/acme/site.git", "https://github.com/acme/a.b/c-d_e~f",
    "https://github.com/acme/with%20blank", "https://github.com/acme/site#part", "https://github.com/acme/site?x=1",
    "https://github.com/acme/..hidden", "https://github.com/acme/a..b", "https://github.com/acme/%73ite",
    "git@github.com:acme/site.git", "git@github.com:acme/a..b", "git@github.com:acme/site;x",
    "ssh://git@github.com/acme/site.git", "ssh://git@github.com/acme/my%20site.git",
    "/srv/acme/site", "/srv/acme/site.git", "/srv/acme/a b",
)  # fmt: skip
REFUSED = (
    # Out of the folder that the pattern names.
    "https://github.com/acme/../evil/x", "https://github.com/acme/./../evil/x", "https://github.com/acme/..",
    "https://github.com/acme/../evil", "https://github.com/acme/x/../../evil/y", "https://github.com/acme/.",
    "https://github.com/acme/%2e%2e/evil/x", "https://github.com/acme/%2E%2E/evil/x",
    "https://github.com/acme/.%2e/evil/x", "https://github.com/acme/%2e./evil/x", "https://github.com/acme/..%2fevil",
    "https://github.com/acme/..%2Fevil/x", "https://github.com/acme/..%5cevil/x", "https://github.com/acme/..;/evil/x",
    "https://github.com/acme/..\\evil/x", "https://github.com/acme/x?/../../evil", "https://github.com/acme/x#/../y",
    "git@github.com:acme/../evil/x", "git@github.com:acme/./x", "git@github.com:acme/..",
    "git@github.com:acme/%2e%2e/x",
    "https://github.com/acme/..%3b/evil/x", "https://github.com/acme/..%20/evil/x",
    "https://github.com/acme/.. /evil/x",
    "git@github.com:acme\\..\\evil", "git@github.com:acme/x%2f..%2fy", "ssh://git@github.com/acme/../evil/x",
    "ssh://git@github.com/acme/%2e%2e/evil/x", "ssh://git@github.com/acme/..", "/srv/acme/../evil", "/srv/acme/..",
    "/srv/acme/./x", "/srv/acme/x/../../evil",
    # On another host.
    "https://github.com@evil.test/acme/x", "https://github.com/acme/@evil.test\\@evil.test/x",
    "https://github.com\\@evil.test/acme/x", "https://evil.test#https://github.com/acme/x",
    "https://evil.test?https://github.com/acme/x", "https://evil.test/https://github.com/acme/x",
    "https://github.com%2facme%2f@evil.test/x", "https://github.com.evil.test/acme/x", "http://github.com/acme/x",
    "https://user@github.com@evil.test/acme/x", "https://github.com:443@evil.test/acme/x",
    "https://githu%62.com/acme/x", "https://github.com%00.evil.test/acme/x", "git@github.com@evil.test:acme/x",
    "git@evil.test:git@github.com:acme/x", "evil@github.com:acme/x", "ssh://git@github.com@evil.test/acme/x",
    "https://github.c\u2100m/acme/x", "https://github\uff0ecom/acme/x", "https://GITHUB.com/acme/x",
    "https://github.com/acmE/x", "https://github.com//acme/x", "https://github.com/evil/x",
    # Programs, options, bytes that end or hide something.
    "ext::sh -c 'touch /tmp/x' https://github.com/acme/", "ext::https://github.com/acme/x",
    "ext://https://github.com/acme/x",
    "fd::17/https://github.com/acme/x", "EXT::https://github.com/acme/x", "--upload-pack=touch https://github.com/acme/x",
    "-oProxyCommand=x:acme/x", "https://github.com/acme/x\n--upload-pack=evil", "https://github.com/acme/x\r",
    "https://github.com/acme/x\x1b[2K", "https://github.com/acme/x\x00", "https://github.com/acme/x\t", "\nhttps://github.com/acme/x",
    "https://github.com/acme/x\x7f", "https://github.com/acme/x\x85", "https://github.com/acme/%0a", "https://github.com/acme/%00",
    "https://github.com/acme/%1b", " https://github.com/acme/x", "", "https://github.com/acme/" + "x" * 2000,
)  # fmt: skip


@pytest.fixture
def start(start, archive):
    """Start agents from the built archive."""
    return lambda *flags, **options: start(*flags, program=(sys.executable, archive), **options)


def test_a_repository_is_what_its_address_means(plane, start):
    jobs = {address: plane.add_job("true", env={"BUILDKITE_REPO": address}) for address in ALLOWED + REFUSED}
    start("--spawn", "4", "--allowed-repositories", ",".join(ACME))
    assert plane.wait_for(lambda: all(job.finish for job in jobs.values()))
    refused = [address for address, job in jobs.items() if job.finish.get("signal_reason") == "agent_refused"]
    assert refused == list(REFUSED)
    texts = [jobs[address].text for address in REFUSED]
    assert all(text.startswith("failed to validate repo: ") and text.count("\n") == 1 for text in texts), texts


def test_a_pattern_that_speaks_of_users_may_allow_them(plane, start):
    allowed = (
        "https://bot:word@git.test/acme/x", "https://bot:w%2Frd%40@git.test/acme/x", "https://git.test/acme/x",
        "ssh://git@git.test/acme/x", "ssh://bot%40acme.test@git.test/acme/x", "ssh://[git@git.test:2222]/acme/x",
        "git@git.test:acme/x", "[git@git.test:2222]:acme/x", "ssh://git@[::1]:2222/acme/x", "git@[::1]:acme/x",
    )  # fmt: skip
    # git takes all of these to evil.test: it looks for the end of the host, and for brackets, in the user, too.
    refused = (
        "https://git.test:x@evil.test/acme/x", "ssh://evil.test%2f@git.test/acme/x",
        "ssh://[evil.test]@git.test/acme/x", "ssh://[evil.test]:22@git.test/acme/x",
        "ssh://evil.test%2F%40@git.test/acme/x", "git://evil.test%2f@git.test/acme/x", "[evil.test]@git.test:acme/x",
        "ssh://%5bevil.test%5d@git.test/acme/x", "git+ssh://evil.test%2f@git.test/acme/x",
        "[evil.test:x]@git.test:acme/x",
    )  # fmt: skip
    jobs = {address: plane.add_job("true", env={"BUILDKITE_REPO": address}) for address in allowed + refused}
    host = r"([^/@]*@)?(git\.test|\[::1\])"
    port = r"\[git@git\.test:2222\]:?/?acme/"
    patterns = (rf"^(https|git|ssh|git\+ssh)://{host}(:2222)?/acme/", rf"^{host}:acme/", port)
    start("--spawn", "4", "--allowed-repositories", ",".join(patterns))
    assert plane.wait_for(lambda: all(job.finish for job in jobs.values()))
    assert [text for text, job in jobs.items() if job.finish.get("signal_reason") == "agent_refused"] == list(refused)


PLUGINS_ALLOWED = (
    "docker#v5", "github.com/acme/tool-buildkite-plugin#v1.0.0",
    "https://github.com/acme/tool-buildkite-plugin.git#v1", "./.buildkite/plugins/own",
    "ssh://git@git.test/acme/x.git/sub#v1", "ssh://git@git.test/acme/my%20x.git#v1", "file:///srv/acme/my%20x.git#v1",
)  # fmt: skip
PLUGINS_REFUSED = (
    # Short forms that no control plane has completed: of two words, git takes the first for the host.
    "acme/tool#v1", "acme/tool.git#v1", "acme/tool?https://github.com/acme/#v1",
    "evil/tool#v1", "https://github.com/acme/../evil/x.git#v1", "https://github.com/acme/%2e%2e/evil/x.git#v1",
    "https://evil.test/x.git?https://github.com/acme/#v1", "https://github.com@evil.test/acme/x.git#v1",
    "./.buildkite/plugins/../../../evil", "acme/tool\x1b#v1", "github.com/acme/%2e%2e/evil-buildkite-plugin#v1",
    "ssh://git@git.test/acme/..%2fevil.git#v1", "https:///srv/acme/x#v1", "/srv/github.com/acme/x#v1",
)  # fmt: skip


def test_a_plugin_is_what_its_address_means(plane, start):
    patterns = (
        r"^github\.com/(acme|buildkite-plugins)/", r"^https://github\.com/acme/", r"^\./\.buildkite/plugins/",
        r"^ssh://git@git\.test/acme/(my%20)?x", "^(file|https):///srv/acme/my%20",
    )  # fmt: skip
    jobs = {
        source: plane.add_job("true", env={"BUILDKITE_PLUGINS": json.dumps([source])})
        for source in PLUGINS_ALLOWED + PLUGINS_REFUSED
    }
    # The plugins that are allowed are nowhere to be had, which is not what refuses them.
    start("--spawn", "4", "--allowed-plugins", ",".join(patterns), env={"PATH": "/nonexistent"})
    assert plane.wait_for(lambda: all(job.finish for job in jobs.values()))
    refused = [source for source, job in jobs.items() if job.finish.get("signal_reason") == "agent_refused"]
    assert refused == list(PLUGINS_REFUSED)


def test_a_short_plugin_is_held_against_the_patterns_as_control_planes_are_given_it():
    pattern = r"^github\.com/buildkite-plugins/docker-buildkite-plugin(#v5)?$"
    allowed = job_settings({agent.ALLOWED_PLUGINS: [pattern]})
    refused = {
        source: "".join(problems({}, [source], allowed))
        for source in ("docker?x=1#v5", "docker#", "docker#v1%zz", "doc\x01ker#v5", "docker#../../x")
    }
    assert [source for source, text in refused.items() if not text] == ["docker?x=1#v5", "docker#"]
    assert "github.com" not in refused["docker#v1%zz"].partition(" has no match")[0]


def test_names_of_variables_are_matched_whole_lines_apart(plane, start):
    names = ("MY_ONE", "MY_\nEVIL", "EVIL\nMY_ONE", "NOT_MY_ONE")
    jobs = [plane.add_job("true", env={name: "1"}) for name in names]
    start("--enable-environment-variable-allowlist", "--allowed-environment-variables", r"^MY_\w+$")
    assert plane.wait_for(lambda: all(job.finish for job in jobs))
    assert [job.finish.get("signal_reason", "") for job in jobs] == ["", *["agent_refused"] * 3]
    assert all(job.text.count("\n") == 1 for job in jobs[1:]), [job.text for job in jobs]


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--allowed-repositories", "("], "(flag --allowed-repositories): missing closing )"),
        (["--allowed-repositories", r"good,a(?!b)"],
         r'not "a(?!b)" (flag --allowed-repositories): invalid or unsupported Perl syntax: (?!'),
        (["--allowed-plugins", r"\p{Greek}"], "only general categories are"),
    ],
)  # fmt: skip
def test_a_pattern_that_cannot_be_matched_ends_the_start(start, flags, message):
    agent = start(*flags)
    assert agent.wait() == 1
    assert message in agent.said and f"{flags[0][2:]} must be regular expressions" in agent.said


def test_no_pattern_keeps_the_agent_busy(plane, start):
    job = plane.add_job("true", env={"BUILDKITE_REPO": "/" + "a" * 1900 + "!"})
    assert start("--disconnect-after-job", "--allowed-repositories", r"^/(a+)+$,^(([a-z/])+.)+[A-Z]$").wait() == 0
    assert job.finish["signal_reason"] == "agent_refused"


@pytest.fixture
def repository(tmp_path):
    """A repository with one commit."""
    folder = tmp_path / "good"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@x.test", "-C", str(folder)]
    subprocess.run(["git", "init", "-q", "-b", "main", str(folder)], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "first"], check=True)
    return folder


@pytest.mark.parametrize("hook", ["environment", "pre-checkout"])
def test_a_hook_cannot_change_to_a_repository_that_is_not_allowed(plane, start, tmp_path, repository, hook):
    evil = tmp_path / "evil"
    subprocess.run(["git", "clone", "-q", str(repository), str(evil)], check=True)
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / hook).write_text(f"export BUILDKITE_REPO={evil}\n")
    env = {"BUILDKITE_REPO": str(repository), "BUILDKITE_SKIP_CHECKOUT": "false"}
    refused = plane.add_job("echo it ran", env=env)
    flags = ("--allowed-repositories", f"^{repository}$", "--hooks-path", str(hooks))
    assert start("--disconnect-after-job", *flags).wait() == 0
    assert refused.finish["exit_status"] == "1"
    assert f"failed to validate repo: {evil} has no match in [^{repository}$]" in refused.text
    assert "it ran" not in refused.text and "git clone" not in refused.text
    (hooks / hook).write_text("true\n")
    allowed = plane.add_job("echo it ran", env=env)
    assert start("--disconnect-after-job", *flags).wait() == 0
    assert allowed.finish["exit_status"] == "0" and "it ran" in allowed.text
