"""Deploy keys and host keys, with programs that stand in for ssh."""

import os
import stat

import pytest

KEY = "-----BEGIN KEY-----\nabcdef\n-----END KEY-----"


@pytest.fixture
def programs(tmp_path, env):
    """Put scripts before everything else on the PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    env["PATH"] = f"{folder}{os.pathsep}{env['PATH']}"

    def write(name, text):
        (folder / name).write_text("#!/bin/sh\n" + text)
        (folder / name).chmod(0o755)

    return write


def test_a_deploy_key_is_there_while_git_runs_and_gone_after(job, env, programs, tmp_path, log):
    seen = tmp_path / "seen"
    programs("ssh-like", f'cp "$2" {seen}; stat -c %a "$2" > {seen}.mode; echo "$@" > {seen}.words; exit 255\n')
    env["GIT_SSH_COMMAND"] = "ssh-like"
    with pytest.raises(Exception, match="exit status 128"):
        job.check_out(REPO="git@host.invalid:acme/x.git", GIT_SSH_KEY=KEY, SSH_KEYSCAN="false", CHECKOUT_ATTEMPTS="1")
    assert seen.read_text() == KEY + "\n"
    assert (tmp_path / "seen.mode").read_text() == "600\n"
    assert "-o IdentitiesOnly=yes" in (tmp_path / "seen.words").read_text()
    assert os.listdir(os.path.dirname(job.folder)) == ["widgets"]
    assert job.session.env["GIT_SSH_COMMAND"] == "ssh-like"


def test_a_host_key_is_learnt_once(job, programs, tmp_path, log):
    programs("ssh", '[ "$1" = -G ] && printf "hostname real.example\\nport 2222\\n" && exit 0\nexit 255\n')
    programs("ssh-keyscan", 'echo "[real.example]:2222 ssh-ed25519 KEY"; echo "$@" >> "$HOME/scans"\n')
    for _ in range(2):
        with pytest.raises(Exception, match="exit status 128"):
            job.check_out(REPO="git@alias:acme/x.git", CHECKOUT_ATTEMPTS="1")
    known = tmp_path / ".ssh" / "known_hosts"
    assert known.read_text() == "[real.example]:2222 ssh-ed25519 KEY\n\n" or known.read_text().count("KEY") == 1
    assert (tmp_path / "scans").read_text() == "-p 2222 real.example\n"
    assert stat.S_IMODE(os.stat(known.parent).st_mode) == 0o700
    assert stat.S_IMODE(os.stat(known).st_mode) == 0o600
    assert f'# Added host "real.example:2222" to known hosts at "{known}"' in log.own
    assert f'# Host "real.example:2222" already in list of known hosts at "{known}"' in log.own


def test_an_alias_that_ssh_does_not_know_loses_its_suffix(job, programs, tmp_path):
    programs("ssh", "exit 1\n")
    programs("ssh-keyscan", 'echo "$1 ssh-ed25519 KEY"\n')
    with pytest.raises(Exception, match="exit status 128"):
        job.check_out(REPO="git@github.com-work:acme/x.git", CHECKOUT_ATTEMPTS="1")
    assert (tmp_path / ".ssh" / "known_hosts").read_text().startswith("github.com ssh-ed25519 KEY")


def test_a_scan_that_fails_only_warns(job, programs, log, monkeypatch):
    monkeypatch.setattr("bkagent.shell.cancellation.Cancellation.wait", lambda self, seconds: False)
    programs("ssh", "exit 1\n")
    programs("ssh-keyscan", "exit 0\n")
    with pytest.raises(Exception, match="exit status 128"):
        job.check_out(REPO="git@host.invalid:x.git", CHECKOUT_ATTEMPTS="1")
    assert any(
        "Warning: Failed to fetch the host key of host.invalid: ssh-keyscan printed nothing" in x for x in log.own
    )


@pytest.mark.raced
@pytest.mark.parametrize(
    "variables", [{"SSH_KEYSCAN": "false", "REPO": "git@h:x"}, {"REPO": "codecommit::us-east-1://name"}, {}]
)
def test_nothing_is_scanned_where_that_is_off_or_pointless(job, programs, tmp_path, variables):
    programs("ssh", f"touch {tmp_path}/asked; exit 1\n")
    programs("ssh-keyscan", f"touch {tmp_path}/asked\n")
    # It waits for git's first line: git dies of a broken pipe if what it starts has ended before that.
    programs("git-remote-codecommit", "read -r line; exit 1\n")
    if variables:
        job.env["GIT_SSH_COMMAND"] = "false"
        with pytest.raises(Exception, match="exit status 128"):
            job.check_out(CHECKOUT_ATTEMPTS="1", **variables)
    else:
        job.check_out()
    assert not os.path.exists(tmp_path / "asked")


@pytest.mark.parametrize(
    ("address", "keyscan", "is_made"),
    [("file://{}", "true", True), ("{}", "true", False), ("file://{}", "false", False)],
)
def test_known_hosts_are_there_for_hooks_before_a_clone_from_elsewhere(
    job, upstream, tmp_path, address, keyscan, is_made
):
    job.check_out(REPO=address.format(upstream.path), SSH_KEYSCAN=keyscan)
    known = tmp_path / ".ssh" / "known_hosts"
    assert known.exists() == is_made
    if is_made:
        assert known.read_bytes() == b""
        assert [stat.S_IMODE(os.stat(path).st_mode) for path in (known.parent, known)] == [0o700, 0o600]
