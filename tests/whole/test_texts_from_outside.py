"""Texts from outside: git and ssh read none as an option, and reach nothing that git itself would not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.whole.hand_run import HandRun
from tests.whole.running import Repository


def test_a_commit_that_looks_like_an_option_writes_no_file_where_a_hook_checks_out(
    hand: HandRun, upstream: Repository, tmp_path: Path
) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    (hooks / "checkout").write_text(f"git clone -q {upstream.folder} .\n")
    proof = tmp_path / "proof"
    done = hand.run(repository=upstream.folder, COMMIT=f"--output={proof}", HOOKS_PATH=str(hooks))
    assert done.status == 0 and f'"--output={proof}" does not name a commit' in done.out, done.text
    assert not proof.exists()


def test_a_host_that_looks_like_an_option_reaches_no_ssh(
    hand: HandRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    programs, asked = tmp_path / "bin", tmp_path / "asked"
    programs.mkdir()
    for name in ("ssh", "ssh-keyscan"):
        (programs / name).write_text(f'#!/bin/sh\necho "$0 $*" >> {asked}\nexit 1\n')
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    for repository in ("ssh://-oProxyCommand=x/repo", "ssh://git@-Fplanted/repo", "git@-Fplanted:repo"):
        done = hand.run(repository=repository, PLUGINS=f'["{repository}#v1"]' if "://" in repository else "")
        assert done.status == 1 or done.status == 128, done.text
    # What git itself asks of ssh has the user before the host, so that it is no option.
    lines = asked.read_text().splitlines() if asked.exists() else []
    assert not [line for line in lines if "keyscan" in line or " -G" in line or " -F" in line or " -oP" in line]


@pytest.mark.parametrize("address", ["--push", "--upload-pack=touch ran"])
def test_an_address_that_looks_like_an_option_is_an_address_for_a_checkout_that_is_there(
    hand: HandRun, upstream: Repository, address: str
) -> None:
    assert hand.run(repository=upstream.folder).status == 0
    done = hand.run(repository=address)
    assert done.status == 128 and "remote set-url -- origin" in done.out and "usage:" not in done.out, done.text
    assert not list(hand.folder.rglob("ran"))


def test_mirrors_of_submodules_use_the_transports_that_git_allows_them(
    hand: HandRun, upstream: Repository, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner")
    upstream.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.folder), "inner")
    upstream.git("commit", "-q", "-m", "with a submodule")
    hand.set_git(**{"protocol.file.allow": "user"})
    done = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert done.status == 128 and "transport 'file' not allowed" in done.out, done.text
    assert [path.name for path in hand.mirrors.iterdir() if path.is_dir()] == [
        "".join(c if c.isalnum() else "-" for c in str(upstream.folder))
    ]


def test_plugins_and_repositories_that_name_a_program_run_none(hand: HandRun, upstream: Repository) -> None:
    ran = hand.folder / "ran"
    for address in (f"ext::sh -c touch% {ran}", f"--upload-pack=touch {ran}"):
        done = hand.run(repository=address, GIT_MIRRORS_PATH=str(hand.mirrors))
        assert done.status == 128, done.text
    for plugin in (f"ext::sh -c touch% {ran}#v1", f"file://{upstream.folder}#--orphan=x"):
        done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=f'["{plugin}"]')
        assert done.status == 1 or done.status == 128, done.text
    assert not ran.exists()
