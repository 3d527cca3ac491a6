"""What is removed as a checkout, and what never is, whatever a job says its checkout is."""

import os

import pytest

from bkagent.checkout.checkout_folder import enter
from bkagent.checkout.run import remove_old
from bkagent.errors import JobFailed


def clean(job, folder, **variables):
    job.folder = str(folder)
    job.env["HOME"] = str(folder.parent / "home")
    session, _ = job.start(**variables)
    session.cancellation.request()  # no waiting for another try
    remove_old(session)


def test_a_checkout_is_removed_whole(job, tmp_path):
    folder = tmp_path / "builds" / "host" / "acme" / "widgets"
    folder.mkdir(parents=True)
    (folder / "file").write_text("")
    clean(job, folder, BUILD_PATH=str(tmp_path / "builds"))
    assert not folder.exists() and folder.parent.exists()


@pytest.mark.parametrize(
    "variable", ["BUILD_PATH", "HOOKS_PATH", "PLUGINS_PATH", "GIT_MIRRORS_PATH", "ENV_FILE", "BIN_PATH"]
)
@pytest.mark.parametrize("depth", [0, 1, 3])
def test_a_folder_with_something_else_in_it_is_never_removed(job, tmp_path, variable, depth):
    folder = tmp_path / "a" / "b" / "c"
    kept = folder.joinpath(*"xyz"[:depth])
    kept.mkdir(parents=True)
    with pytest.raises(JobFailed, match="cannot be a checkout") as refused:
        clean(job, folder, **{variable: str(kept)})
    assert str(kept) in str(refused.value) and kept.exists()


def test_a_way_round_by_dots_or_a_link_leads_nowhere(job, tmp_path):
    build = tmp_path / "a" / "b" / "builds"
    build.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    for folder in (build / "x" / ".." / "..", tmp_path / "link" / "b"):
        with pytest.raises(JobFailed):
            clean(job, folder, BUILD_PATH=str(build))
    assert build.exists()


def test_of_a_link_the_link_is_removed(job, tmp_path):
    build = tmp_path / "a" / "builds"
    build.mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "a")
    clean(job, tmp_path / "link", BUILD_PATH=str(build))
    assert build.exists() and not (tmp_path / "link").is_symlink()


def test_the_folder_for_temporary_files_stays(job, tmp_path, env):
    folder = tmp_path / "temporary"
    folder.mkdir()
    job.env["TMPDIR"] = str(folder)
    with pytest.raises(JobFailed):
        clean(job, folder)
    assert folder.exists()


def test_a_hook_may_move_the_home_folder_into_the_checkout(job, tmp_path):
    job.folder = str(tmp_path / "builds" / "widgets")
    session, _ = job.start()
    session.env["HOME"] = os.path.join(job.folder, "home")
    os.makedirs(session.env["HOME"])
    remove_old(session)
    assert not os.path.exists(job.folder)


def test_a_refused_folder_can_be_entered_still(job, tmp_path):
    job.folder = str(tmp_path)
    session, _ = job.start(BUILD_PATH=str(tmp_path / "builds"))
    with pytest.raises(JobFailed):
        remove_old(session)
    enter(session)
    assert os.path.samefile(session.cwd, tmp_path)
