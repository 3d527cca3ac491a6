"""Programs that git would run for a repository: never in a mirror or a plugin's clone, as before in the job's own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, List

import pytest

from tests.whole.hand_run import HandRun
from tests.whole.running import Repository

HOOKS = (
    "reference-transaction", "post-checkout", "pre-auto-gc", "post-index-change", "post-merge", "pre-commit",
    "post-rewrite",
)  # fmt: skip


@pytest.fixture
def upstream(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "upstream", files={"README.md": "one\n"})


@pytest.fixture
def ran(tmp_path: Path) -> Path:
    """A file that gets a line for each planted program that ran."""
    return tmp_path / "ran"


def plant(folder: Path, ran: Path) -> None:
    """Put a hook of each kind into a folder of hooks; it writes which repository it ran in."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in HOOKS:
        path = folder / name
        path.write_text(f'#!/bin/sh\necho "{name} $PWD ${{GIT_DIR:-}}" >> {ran}\n')
        path.chmod(0o755)


def lines(ran: Path) -> List[str]:
    return ran.read_text().splitlines() if ran.exists() else []


def mirror_of(hand: HandRun, repository: Repository) -> Path:
    return hand.mirrors / "".join(c if c.isalnum() and c.isascii() else "-" for c in str(repository.folder))


def test_no_hook_of_a_mirror_runs_when_it_is_updated_moved_or_packed(
    hand: HandRun, upstream: Repository, ran: Path, tmp_path: Path
) -> None:
    hand.set_git(**{"gc.auto": "1"})  # so that a fetch would start the maintenance that pre-auto-gc belongs to
    first = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert first.status == 0, first.text
    mirror = mirror_of(hand, upstream)
    plant(mirror / "hooks", ran)
    upstream.git("commit", "-q", "--allow-empty", "-m", "second")
    second = hand.run(
        repository=upstream.folder, command="git log -1 --format=at-%s", GIT_MIRRORS_PATH=str(hand.mirrors)
    )
    assert "at-second" in second.out, second.text
    assert f"$\x1b[0m git --git-dir {mirror} fetch -- origin" in second.out  # shown as a person would type it
    assert "core.hooksPath" not in second.out
    upstream.git("commit", "-q", "--allow-empty", "-m", "third")
    moved = tmp_path / "moved" / ".." / "upstream"
    (tmp_path / "moved").mkdir()
    os.rename(mirror, hand.mirrors / "".join(c if c.isalnum() else "-" for c in str(moved)))
    third = hand.run(
        repository=moved, command="git log -1 --format=at-%s", GIT_MIRRORS_PATH=str(hand.mirrors), CLEAN_CHECKOUT="true"
    )
    assert "at-third" in third.out, third.text
    assert "remote set-url" in third.out and " gc\n" in third.out and "Creating mirror snapshot" in third.out
    assert lines(ran) == []


def test_no_hook_of_a_template_gets_into_mirrors_or_plugins_or_runs_there(
    hand: HandRun, upstream: Repository, ran: Path, tmp_path: Path
) -> None:
    inner = Repository(tmp_path / "inner", files={"part": "p\n"})
    plugin = Repository(tmp_path / "greet-buildkite-plugin", files={"hooks/pre-command": "echo greeted\n"})
    plugin.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.folder), "inner")
    plugin.git("commit", "-q", "-m", "with a submodule")
    plugin.git("tag", "v1")
    plant(tmp_path / "template" / "hooks", ran)
    (tmp_path / "template" / "config").write_text("[core]\n\tsshCommand = false\n")
    hand.set_git(**{"init.templateDir": str(tmp_path / "template")})
    done = hand.run(repository=upstream.folder, SKIP_CHECKOUT="true", PLUGINS=f'["file://{plugin.folder}#v1"]')
    assert "greeted" in done.out, done.text
    assert (next(hand.plugins.glob("agent/*")) / "inner" / "part").exists()
    assert lines(ran) == []
    done = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert done.status == 0, done.text
    mirror = mirror_of(hand, upstream)
    assert not (mirror / "hooks").exists()
    assert lines(ran) and not [line for line in lines(ran) if str(mirror) in line]  # the checkout's ran, as ever
    again = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert "is not used" not in again.out


def test_no_hook_of_a_submodules_mirror_runs(hand: HandRun, ran: Path, tmp_path: Path) -> None:
    inner = Repository(tmp_path / "inner", files={"part": "p\n"})
    outer = Repository(tmp_path / "outer", files={"README.md": "one\n"})
    outer.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.folder), "inner")
    outer.git("commit", "-q", "-m", "with a submodule")
    assert hand.run(repository=outer.folder, GIT_MIRRORS_PATH=str(hand.mirrors)).status == 0
    plant(mirror_of(hand, inner) / "hooks", ran)
    inner.git("commit", "-q", "--allow-empty", "-m", "second")
    done = hand.run(repository=outer.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert done.status == 0, done.text
    assert lines(ran) == []


@pytest.mark.parametrize(
    "name, value",
    [
        ("remote.origin.uploadpack", "touch RAN; git-upload-pack"),
        ("remote.origin.vcs", "planted"),
        ("url.ext::sh -c 'touch% RAN'.insteadOf", "UPSTREAM"),
        ("include.path", "/tmp/elsewhere"),
    ],
)
def test_a_mirror_with_a_setting_that_no_clone_writes_is_not_used(
    hand: HandRun, upstream: Repository, ran: Path, name: str, value: str
) -> None:
    mirror = mirror_of(hand, upstream)
    mirror.parent.mkdir()
    upstream.git("clone", "-q", "--mirror", str(upstream.folder), str(mirror))
    texts = [text.replace("RAN", str(ran)).replace("UPSTREAM", str(upstream.folder)) for text in (name, value)]
    upstream.git("--git-dir", str(mirror), "config", *texts)
    head = upstream.git("rev-parse", "main")
    upstream.git("commit", "-q", "--allow-empty", "-m", "second")
    done = hand.run(repository=upstream.folder, command="git log -1 --format=at-%s", GIT_MIRRORS_PATH=str(hand.mirrors))
    assert done.status == 0 and "at-second" in done.out, done.text
    shown = name.lower() if name.count(".") == 1 else name.partition(".")[2].rpartition(".")[0]
    (warning,) = [line for line in done.out.splitlines() if "is not used" in line]
    assert str(mirror) in warning and shown.replace("RAN", str(ran)) in warning
    assert upstream.git("--git-dir", str(mirror), "rev-parse", "main") == head  # it was not fetched into
    assert not (hand.checkout / ".git" / "objects" / "info" / "alternates").exists()
    assert not ran.exists()


@pytest.mark.parametrize("more", [{}, {"CLEAN_CHECKOUT": "true"}, {"GIT_MIRRORS_SKIP_UPDATE": "true"}])
def test_a_mirror_with_another_repository_in_it_is_not_used(
    hand: HandRun, upstream: Repository, ran: Path, more: Dict[str, str]
) -> None:
    mirror = mirror_of(hand, upstream)
    mirror.parent.mkdir()
    for folder in (mirror, mirror / ".git"):
        upstream.git("clone", "-q", "--mirror", str(upstream.folder), str(folder))
    upstream.git("--git-dir", str(mirror / ".git"), "config", "core.sshCommand", f"touch {ran}")
    done = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors), **more)
    assert done.status == 0 and "it contains a .git, which no clone writes" in done.out, done.text
    assert not (hand.checkout / ".git" / "objects" / "info" / "alternates").exists()


def test_a_checkout_that_borrowed_from_such_a_mirror_takes_its_objects_and_leaves(
    hand: HandRun, upstream: Repository
) -> None:
    hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    alternates = hand.checkout / ".git" / "objects" / "info" / "alternates"
    assert alternates.exists()
    mirror = mirror_of(hand, upstream)
    upstream.git("--git-dir", str(mirror), "config", "core.fsmonitor", "planted")
    for more in ({}, {"GIT_MIRRORS_SKIP_UPDATE": "true"}):
        done = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors), **more)
        assert done.status == 0 and "its configuration has core.fsmonitor, which" in done.out, done.text
        assert not alternates.exists()


def test_settings_that_git_the_flags_and_large_files_write_are_expected(hand: HandRun, upstream: Repository) -> None:
    flags = "-v --no-tags -c gc.pruneExpire=now --config http.https://x.Test/.Proxy=p"
    job = {"GIT_MIRRORS_PATH": str(hand.mirrors), "GIT_CLONE_MIRROR_FLAGS": flags}
    done = hand.run(repository=f"file://{upstream.folder}", **job)
    assert done.status == 0, done.text
    mirror = next(hand.mirrors.glob("*upstream"))
    for name, value in (
        ("lfs.https://x.test/.access", "basic"), ("maintenance.auto", "false"), ("core.sharedRepository", "group"),
        ("remote.origin.promisor", "true"), ("remote.origin.partialclonefilter", "blob:none"),
    ):  # fmt: skip
        upstream.git("--git-dir", str(mirror), "config", name, value)
    upstream.git("commit", "-q", "--allow-empty", "-m", "second")
    done = hand.run(repository=f"file://{upstream.folder}", **job)
    assert done.status == 0 and "is not used" not in done.out, done.text
    assert upstream.git("--git-dir", str(mirror), "rev-parse", "main") == upstream.git("rev-parse", "main")
    done = hand.run(repository=f"file://{upstream.folder}", GIT_MIRRORS_PATH=str(hand.mirrors))
    assert "its configuration has gc.pruneexpire, http.https://x.Test/.proxy, which" in done.out, done.text


def test_a_mirror_that_takes_its_configuration_from_elsewhere_is_not_used(
    hand: HandRun, upstream: Repository, ran: Path, tmp_path: Path
) -> None:
    hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    mirror = mirror_of(hand, upstream)
    upstream.git("clone", "-q", "--mirror", str(upstream.folder), str(tmp_path / "planted"))
    upstream.git("--git-dir", str(tmp_path / "planted"), "config", "remote.origin.uploadpack", f"touch {ran};")
    (mirror / "commondir").write_text(str(tmp_path / "planted"))
    done = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert done.status == 0 and "its configuration includes other files" in done.out, done.text
    assert not ran.exists()


def test_the_jobs_own_checkout_runs_the_repositorys_hooks(hand: HandRun, upstream: Repository, ran: Path) -> None:
    upstream.write(".githooks/pre-commit", "#!/bin/sh\necho hook of the repository ran\n")
    (upstream.folder / ".githooks" / "pre-commit").chmod(0o755)
    upstream.git("add", "-A")
    upstream.git("commit", "-q", "-m", "with hooks")
    command = "git config core.hooksPath .githooks && git commit -q --allow-empty -m mine && git log -1 --format=at-%s"
    done = hand.run(repository=upstream.folder, command=command, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert "hook of the repository ran" in done.out and "at-mine" in done.out, done.text
    # What the folder of a checkout holds belongs to the job: git runs it there, as the reference lets it.
    upstream.git("commit", "-q", "--allow-empty", "-m", "later")
    (hand.checkout / ".githooks").mkdir(exist_ok=True)
    upstream.git("--git-dir", str(hand.checkout / ".git"), "config", "core.hooksPath", str(ran.parent / "own"))
    plant(ran.parent / "own", ran)
    done = hand.run(repository=upstream.folder, GIT_MIRRORS_PATH=str(hand.mirrors))
    assert done.status == 0, done.text
    assert [line for line in lines(ran) if line.startswith("post-checkout ")]
    assert not [line for line in lines(ran) if str(hand.mirrors) in line]
