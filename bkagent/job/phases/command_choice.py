"""Decide what the command of a job is: a script of the repository, or lines for a shell."""

from __future__ import annotations

import ntpath
import os
from typing import Tuple

from bkagent.errors import JobFailed
from bkagent.hooks import kind
from bkagent.job.job import RunningJob
from bkagent.job.phases import batch_script
from bkagent.named_tuple import NamedTuple
from bkagent.shell import words
from bkagent.system import windows_command_line
from bkagent.system.hook_files import temporary_folder
from bkagent.system.system_kind import ON_WINDOWS

_OWNER_MAY_EXECUTE = 0o100
_NOTHING = (
    "the command phase has no `command` to execute; provide a `command` field in your step configuration or define a "
    "`command` hook in a step plugin, your repository `.buildkite/hooks`, or the agent `hooks-path`"
)
_NO_LINES = (
    "this agent is not allowed to evaluate console commands; to allow this, re-run the agent without the "
    "`--no-command-eval` option or specify a script within your repository to run instead (such as scripts/test.sh)"
)
_NO_OUTSIDE = (
    "this agent is only allowed to run scripts within your repository; to allow this, re-run the agent without the "
    "`--no-command-eval` option or specify a script within your repository to run instead (such as scripts/test.sh)"
)
# In a path a shell takes letters, digits and these as they are. A colon leads elsewhere on Windows.
_PLAIN = "._-+@=," + ("\\" if ON_WINDOWS else ":/")
_NOT_PLAIN = (
    "this agent is not allowed to evaluate console commands, so the path of a script may have letters, digits and "
    f"{_PLAIN} in it and not lead through .git; rename the script, or re-run the agent without `--no-command-eval`"
)


class CommandChoice(NamedTuple):
    """The command to run, the titles of its group and its prompt, and a file to remove afterwards ("" for none)."""

    argv: Tuple[str, ...]
    header: str
    shown: str
    temporary: str = ""


def choose(job: RunningJob) -> CommandChoice:
    """Return what to run. Raises JobFailed where there is nothing, or nothing that may be run."""
    command, cwd = job.settings.command, job.session.cwd
    if not command.strip():
        raise JobFailed(_NOTHING, 1)
    # Joined as text: a command that begins with a slash is looked for below the working directory all the same.
    script = os.path.normpath(cwd + os.sep + command.replace("\n", ""))
    is_script = "\0" not in script and os.path.exists(script)
    if not job.settings.command_eval:
        _check_allowed(job, command, script if is_script else "")
    shell = _shell_words(job.settings.shell)
    relative = os.path.join(os.curdir, os.path.relpath(script, cwd)) if is_script else ""
    shell_name = ntpath.basename(shell[0]).lower()
    if shell_name == "cmd.exe":
        # Without command lines the script alone runs, not the text that led to it, which may be a line of its own.
        path = _batch_file(command if job.settings.command_eval else f'call "{relative}"', job)
        return CommandChoice((*shell, path), "Running batch script", command, path)
    if is_script:
        if job.settings.command_eval:
            _make_executable(job, script)
        if ntpath.splitext(shell_name)[0] in kind.SHELLS:
            relative = relative.replace("\\", "/") if ON_WINDOWS else relative  # bash reads a backslash as an escape
        return CommandChoice((*shell, relative), "Running script", relative)
    return CommandChoice((*shell, command), "Running commands", command)


def _check_allowed(job: RunningJob, command: str, script: str) -> None:
    """Raise JobFailed but for a script of the repository, by a path that is nothing but a path to a shell.

    The control plane makes files of its choice in .git: a refspec may store a branch named `$(program)` there.
    """
    root = os.path.normpath(job.session.cwd)
    if script and (script == root or script.startswith(root.rstrip(os.sep) + os.sep)):
        inside = script[len(root) :]
        is_gits = any(name.rstrip(".").lower() == ".git" for name in inside.split(os.sep))
        if is_gits or not all(letter.isalnum() or letter in _PLAIN for letter in inside):
            raise JobFailed(_NOT_PLAIN, 1)
        return
    job.log.comment(f'No such file: "{command}"')
    raise JobFailed(_NO_OUTSIDE if script else _NO_LINES, 1)


def _shell_words(text: str) -> "list[str]":
    try:
        shell = words.split(text)
    except ValueError as error:
        raise JobFailed(f'failed to split shell ("{text}") into tokens: {error}', 1) from None
    if not shell:
        raise JobFailed("no shell set for job", 1)
    return shell


def _make_executable(job: RunningJob, script: str) -> None:
    try:
        mode = os.stat(script).st_mode
        if not mode & _OWNER_MAY_EXECUTE:
            os.chmod(script, mode | _OWNER_MAY_EXECUTE)
    except OSError as error:
        text = f'Error marking script "{script}" as executable: {error.strerror}'
        job.log.warning(text)
        raise JobFailed(text, 1) from None


def _batch_file(command: str, job: RunningJob) -> str:
    """Write the lines into a batch file that stops at the first that fails. Raises JobFailed."""
    import tempfile

    def is_batch_file(name: str) -> bool:
        path = job.session.which(name)
        return path is not None and windows_command_line.runs_by_shell(path)

    folder = temporary_folder({**job.session.env, **job.session.first_env})
    try:
        os.makedirs(folder, exist_ok=True)
        fd, path = tempfile.mkstemp(".bat", "buildkite-script-", folder)
        with os.fdopen(fd, "wb") as file:
            file.write(os.fsencode(batch_script.text_of(command, is_batch_file)))
    except OSError as error:
        raise JobFailed(f"cannot write the batch script of the command into {folder}: {error.strerror}", 1) from None
    return path
