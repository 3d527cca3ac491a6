"""Get a plugin: cloned once per agent and version, or found in the job's own repository."""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from functools import partial
from typing import Callable, List, Sequence

from bkagent.errors import Cancelled, JobFailed
from bkagent.git import commands, pinned
from bkagent.git.address_rules import without_user
from bkagent.git.outcome import CLONE, OTHER, GitFailed
from bkagent.git.run import capture, run
from bkagent.plugins.location import BadPlugins
from bkagent.plugins.plugin import Plugin
from bkagent.shell.prompt import command_line
from bkagent.shell.session import Session
from bkagent.shell.words import quoted
from bkagent.system import renaming, unguessable
from bkagent.system.confined_path import resolve_below
from bkagent.system.tree_removal import remove_tree

_CLONE_TRIES, _CLONE_PAUSE_S = 3, 2.0
# What git exits with where it cannot read a configuration; 1 where that lacks a setting, or is not there.
_FATAL = 128


@dataclass(frozen=True)
class Wishes:
    """How plugins are checked out. `path` is the folder of all plugins, `agent_name` as the agent has it.

    `learn_host` is given a repository before git talks to its host. `zips` is whether archives may be plugins, and
    `remove_later` is given a folder to remove when the job ends.
    """

    path: str
    agent_name: str
    always_fresh: bool = False
    submodules: bool = True
    learn_host: Callable[[str], None] = lambda repository: None
    zips: bool = False
    remove_later: Callable[[str], None] = lambda folder: None


@dataclass(frozen=True)
class CheckedOut:
    """A plugin whose hooks are in `hooks`; no link of theirs may lead out of `root`."""

    plugin: Plugin
    root: str
    hooks: str

    def serving(self, plugin: Plugin) -> "CheckedOut":
        """Return the same files for a plugin of the same label that is told something else."""
        return CheckedOut(plugin, self.root, self.hooks)


def check_out(session: Session, plugin: Plugin, wishes: Wishes) -> CheckedOut:
    """Clone a plugin unless that was done before; return where its hooks are. Raises JobFailed, Cancelled."""
    if not wishes.path:
        raise JobFailed("can't checkout plugin without a `plugins-path`", 1)
    try:
        repository, below = plugin.repository, plugin.subdirectory
    except BadPlugins as error:
        raise _failure(plugin, f"failed to get repository subdirectory: {error}") from None
    hooks = os.path.join(below, "hooks") if below else "hooks"
    session.log.debug(f'Plugin checkout paths - PluginDir: "{below or "."}", HooksDir: "{hooks}"')
    folder = _place(plugin, wishes)
    if plugin.scheme.startswith("zip+"):
        _fetch_zip(session, plugin, folder, wishes)
    else:
        _get_clone(session, plugin, repository, folder, wishes)
    if not _is_folder_inside(folder, hooks):
        why = f"statat {hooks}: no such file or directory"
        raise _failure(plugin, f'"{hooks}" was not a directory within the "{plugin.name}" plugin: {why}')
    return CheckedOut(plugin, folder, os.path.join(folder, hooks))


def _fetch_zip(session: Session, plugin: Plugin, folder: str, wishes: Wishes) -> None:
    if not wishes.zips:
        raise _failure(plugin, 'zip plugins require the "zip-plugins" experiment to be enabled')
    # Loaded here: few plugins come as archives.
    from bkagent.plugins import zip_archive

    _make_above(folder)
    try:
        zip_archive.fetch(session, plugin, os.path.abspath(wishes.path), folder)
    except (zip_archive.BadArchive, OSError) as problem:
        raise _failure(plugin, str(problem)) from problem
    wishes.remove_later(folder)


def _get_clone(session: Session, plugin: Plugin, repository: str, folder: str, wishes: Wishes) -> None:
    _make_above(folder)
    if wishes.always_fresh and os.path.lexists(folder):
        session.log.comment(
            f"BUILDKITE_PLUGINS_ALWAYS_CLONE_FRESH is true; removing previous checkout of plugin {plugin.label}"
        )
        _remove(plugin, folder)
    if os.path.lexists(os.path.join(folder, ".git")):
        problem = _problem_of_clone(session, plugin, repository, os.path.join(folder, ".git"))
        if not problem:
            _report_present(session, plugin, folder)
            return
        session.log.warning(f'The checkout of plugin "{plugin.label}" is {problem}: cloning it again')
        _remove(plugin, folder)
    _clone(session, plugin, repository, folder, wishes)


def _problem_of_clone(session: Session, plugin: Plugin, repository: str, git_folder: str) -> str:
    """Return what is wrong with what an earlier job has cloned, "" where the plugin is what was asked for."""
    if pinned.is_at_other_commit(plugin.version, git_folder, partial(_capture, session)):
        return "at another commit"
    try:
        origin = _capture(session, commands.origin_of_file(os.path.join(git_folder, "config"))).strip()
    except GitFailed as failed:
        return "damaged" if failed.exit_code == _FATAL else ""  # put there by hand, say
    # The names of folders are short of characters: a/b-c and a-b/c have the same one.
    if without_user(origin) != without_user(repository):
        return "of another repository"
    try:
        _capture(session, commands.resolve_commit("HEAD", git_folder))
    except GitFailed as failed:
        return "damaged" if failed.exit_code == _FATAL else ""
    return ""


def find_vendored(root: str, plugin: Plugin) -> CheckedOut:
    """Return where the hooks of a plugin in the job's repository, checked out at `root`, are. Raises JobFailed."""
    hooks = os.path.join(plugin.location, "hooks")
    below = posixpath.join(posixpath.normpath(plugin.location), "hooks")
    for role, path in (("path", plugin.location), ("hooks path", below)):
        if not root or not _is_folder_inside(root, path):
            problem = (
                "it is outside, or not a directory" if os.path.lexists(os.path.join(root, path)) else "it is missing"
            )
            text = f'vendored plugin {role} "{path}" must be a directory within the checked-out repository: {problem}'
            raise JobFailed(text, 1)
    return CheckedOut(plugin, root, os.path.normpath(os.path.join(root, hooks)))


def _place(plugin: Plugin, wishes: Wishes) -> str:
    """Return the folder of a plugin's checkout, which is never the folder of all, nor outside of it."""
    above = os.path.abspath(wishes.path)
    folder = os.path.normpath(os.path.join(above, wishes.agent_name, plugin.identifier))
    if not plugin.identifier or not folder.startswith(os.path.join(above, "")):
        raise _failure(plugin, f'"{plugin.label}" has no folder of its own below "{above}"')
    return folder


def _is_folder_inside(root: str, relative: str) -> bool:
    real = resolve_below(root, relative)
    return real is not None and os.path.isdir(real)


def _make_above(folder: str) -> None:
    try:
        os.makedirs(os.path.dirname(folder), exist_ok=True)
    except OSError as error:
        raise JobFailed(f'cannot make the folder "{os.path.dirname(folder)}": {error.strerror}', 1) from error


def _report_present(session: Session, plugin: Plugin, folder: str) -> None:
    argv = ["git", "--git-dir", os.path.join(folder, ".git"), "--work-tree", folder, "rev-parse", "--short=7", "HEAD"]
    try:
        commit = capture(session, argv, OTHER, hidden=True, hooks=False).strip()
    except GitFailed as failed:
        session.log.comment(f'Plugin "{plugin.label}" already checked out (its commit cannot be told: {failed})')
        return
    session.log.comment(f'Plugin "{plugin.label}" already checked out ({commit})')


def _clone(session: Session, plugin: Plugin, repository: str, folder: str, wishes: Wishes) -> None:
    """Clone beside the other plugins and move the whole into its place: a half one would be taken for done."""
    log, before = session.log, session.cwd
    above = os.path.abspath(wishes.path)
    log.comment(f'Plugin "{plugin.display_name}" will be checked out to "{folder}"')
    wishes.learn_host(repository)
    log.prompt(f"mktemp -dp {quoted(above)}")
    aside = os.path.join(above, str(unguessable.below(10**10)))
    try:
        os.mkdir(aside, 0o777)
        log.comment("Switching to the temporary plugin directory")
        session.chdir(aside)
        _run_clone(session, repository, wishes)
        if plugin.version:
            log.comment(f"Checking out `{plugin.version}`")
            _move_to_version(session, _version_for_git(plugin), aside, wishes)
        if _has_submodules(aside, wishes):
            pinned.check_submodules(partial(_capture, session))
        log.comment("Moving temporary plugin directory to final location")
        log.prompt(f"mv {quoted(aside)} {quoted(folder)}")
        _move(session, plugin, aside, folder)
    except GitFailed as failed:
        raise _failure(plugin, str(failed), failed.exit_code) from failed
    except OSError as problem:
        raise _failure(plugin, str(problem), 1) from problem
    finally:
        session.chdir(before)
        _discard(session, aside)


def _run_clone(session: Session, repository: str, wishes: Wishes) -> None:
    flags: List[str] = ["-v", "--recursive"] if wishes.submodules else ["-v"]
    for number in range(_CLONE_TRIES):
        try:
            run(session, commands.clone(flags, repository), CLONE, hooks=False)
            return
        except GitFailed:
            if session.cancellation.requested or number + 1 == _CLONE_TRIES:
                raise
        if session.cancellation.wait(_CLONE_PAUSE_S):
            raise Cancelled("stopped while waiting to clone a plugin again")


def _move_to_version(session: Session, version: str, folder: str, wishes: Wishes) -> None:
    """Check a version out, its submodules too: the clone has those of the default branch. Raises GitFailed."""
    revision = pinned.revision(version, folder, partial(_capture, session))
    shown = command_line(commands.checkout(["-f"], version))
    run(session, commands.checkout(["-f"], *revision), OTHER, shown=shown, hooks=False)
    if _has_submodules(folder, wishes):
        run(session, commands.update_submodules([]), OTHER, hooks=False)


def _has_submodules(folder: str, wishes: Wishes) -> bool:
    return wishes.submodules and os.path.lexists(os.path.join(folder, ".gitmodules"))


def _capture(session: Session, argv: Sequence[str]) -> str:
    return capture(session, argv, OTHER, hidden=True, hooks=False)


def _version_for_git(plugin: Plugin) -> str:
    """Return the version, which git must not read as an option."""
    if plugin.version.startswith("-"):
        raise GitFailed(f'"{plugin.version}" is not a valid version', 1)
    return plugin.version


def _move(session: Session, plugin: Plugin, aside: str, folder: str) -> None:
    """Put the clone in its place, unless another agent of the same name was quicker: then its clone serves."""
    if os.path.isdir(folder) and not os.path.islink(folder) and not os.listdir(folder):
        os.rmdir(folder)
    try:
        renaming.rename(aside, folder)
    except OSError:
        if not os.path.lexists(os.path.join(folder, ".git")):
            raise
        _report_present(session, plugin, folder)


def _discard(session: Session, aside: str) -> None:
    try:
        remove_tree(aside)
    except OSError as error:
        session.log.warning(f'Failed to remove "{aside}": {error}')


def _remove(plugin: Plugin, folder: str) -> None:
    try:
        remove_tree(folder)
    except OSError as error:
        raise _failure(plugin, str(error)) from error


def _failure(plugin: Plugin, why: str, exit_code: int = 1) -> JobFailed:
    return JobFailed(f"failed to checkout plugin {plugin.name}: {why}", exit_code)
