"""Run one hook: a shell script inside a wrapper, so that what it changes can be seen; a program as it is."""

import errno
import os
from typing import List, Mapping

from bkagent.config.options import agent
from bkagent.errors import ConfigError, JobFailed
from bkagent.hooks import changes, kind, wrapper
from bkagent.hooks.changes import Changes
from bkagent.hooks.kind import HookKind, Nature
from bkagent.named_tuple import NamedTuple
from bkagent.shell.launch import StartFailed
from bkagent.shell.session import CommandFailed, Session
from bkagent.shell.words import split
from bkagent.system import private_folder
from bkagent.system.hook_files import temporary_folder
from bkagent.system.system_kind import ON_WINDOWS
from bkagent.wire.go_quoted import go_quote

LAST_STATUS = "BUILDKITE_LAST_HOOK_EXIT_STATUS"
_BUSY_TRIES, _BUSY_PAUSE_S = 100, 0.1


class Hook(NamedTuple):
    """A hook to run. `scope` is "agent", "repository" or "plugin"; `env` is what only this hook sees besides."""

    scope: str
    name: str
    path: str
    plugin_name: str = ""
    env: Mapping[str, str] = {}

    @property
    def title(self) -> str:
        """The name in the log: `agent pre-command`, `plugin docker command`."""
        return " ".join(word for word in (self.scope, self.plugin_name, self.name) if word)


class HookFailed(JobFailed):
    """A hook failed, or could not be run. `exit_code` is its own, -1 where a signal ended it."""


def run(session: Session, hook: Hook, dumper: str = "") -> Changes:
    """Run `hook` in the job's environment and working directory; return what it changed.

    `dumper` is a program that dumps the environment in our place, see `wrapper.create`.

    Only a shell hook changes anything, and only one that does not end its shell itself. What it says is not yet
    applied. Raises HookFailed.
    """
    session.log.header(f"Running {hook.title} hook")
    try:
        nature = kind.read_kind(hook.path)
    except OSError as error:
        raise HookFailed(f'running "{hook.title}" hook: cannot read {hook.path}: {error.strerror}', 1) from error
    if nature.kind is not HookKind.SHELL:
        _run_directly(session, hook, nature.kind)
        return Changes()
    folder = _private_folder(session)
    try:
        return _run_wrapped(session, hook, nature, folder, dumper)
    finally:
        _remove(folder)
        session.log.flush()


def _run_directly(session: Session, hook: Hook, nature: HookKind) -> None:
    if ON_WINDOWS and nature is HookKind.SCRIPT:
        raise HookFailed(f'running "{hook.title}" script hook: Windows does not run a script by its shebang line', 1)
    env = {
        **hook.env,
        "BUILDKITE_HOOK_PHASE": hook.name,
        "BUILDKITE_HOOK_PATH": hook.path,
        "BUILDKITE_HOOK_SCOPE": hook.scope,
    }
    try:
        session.run([hook.path], env=env)
    except (CommandFailed, StartFailed) as failed:
        raise HookFailed(f'running "{hook.title}" {nature.value} hook: {failed}', failed.exit_code) from failed


def _private_folder(session: Session) -> str:
    # The job process's own folder: one that a hook exports is for the commands after it.
    above = temporary_folder({**session.env, **session.first_env})
    try:
        return private_folder.make_temporary("buildkite-agent-hook-wrapper", above)
    except ConfigError as error:
        raise HookFailed(f"no folder for the wrapper of a hook: {error}", 1) from error


def _remove(folder: str) -> None:
    try:
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        os.rmdir(folder)
    except OSError:
        import shutil  # takes as long to load as a hook to run, and is needed where a hook left a folder there

        shutil.rmtree(folder, ignore_errors=True)


def _run_wrapped(session: Session, hook: Hook, nature: Nature, folder: str, dumper: str) -> Changes:
    try:
        files = wrapper.create(folder, hook.path, nature.shebang, dumper)
    except OSError as error:
        raise HookFailed(f'running "{hook.title}" shell hook: cannot write its wrapper: {error}', 1) from error
    try:
        _start(session, hook, nature, files.script)
    except CommandFailed as failed:
        _remember(session, failed.exit_code)
        text = f'running "{hook.title}" shell hook: the {hook.title} hook exited with status {failed.exit_code}'
        raise HookFailed(text, failed.exit_code) from failed
    except StartFailed as failed:
        if failed.errno == errno.ENOENT:
            session.log.error(f"The {hook.title} hook failed to run - perhaps {_missing(nature)}")
        raise HookFailed(f'running "{hook.title}" shell hook: {failed}', 1) from failed
    _remember(session, 0)
    try:
        with open(files.before, "rb") as before, open(files.after, "rb") as after:
            parse = changes.parse_json_dump if dumper else changes.parse_dump
            earlier, later = parse(before.read()), parse(after.read())
    except (OSError, changes.BadDump) as error:
        raise HookFailed(f'running "{hook.title}" shell hook: failed to get environment: {error}', 1) from error
    # Nothing at all means that the hook ended the shell before the dump.
    return changes.changes_between(earlier, later) if later else Changes()


def _start(session: Session, hook: Hook, nature: Nature, script: str) -> None:
    display_path = _display_path(session.cwd, hook.path)
    if session.log.is_debug:
        session.log.comment(f'A hook runner was written to "{script}" for "{hook.path}"')
        display_path = script
    session.log.prompt(display_path)
    argv = _command(session, nature, script)
    for tries_left in range(_BUSY_TRIES, -1, -1):
        try:
            session.run(argv, env=dict(hook.env), shown="")
            return
        except StartFailed as failed:
            # Another thread that starts a process may hold our script open for writing until its exec.
            if failed.errno != errno.ETXTBSY or not tries_left or session.cancellation.wait(_BUSY_PAUSE_S):
                raise


def _command(session: Session, nature: Nature, script: str) -> List[str]:
    configured = _hooks_shell(session.env.get(agent.HOOKS_SHELL.env[0], ""))
    extension = os.path.splitext(script)[1]
    if configured:
        return [*configured, script]
    if extension == ".ps1":
        program = "powershell.exe" if ON_WINDOWS else "pwsh"
        if session.which(program) is None:
            why = f'exec: "{program}": executable file not found in $PATH'
            raise StartFailed(f"error finding {program}, needed to run .ps1 scripts: {why}")
        return [program, "-file", script]
    if ON_WINDOWS and extension:
        return [script]
    if ON_WINDOWS:
        if session.which("bash.exe") is None:
            raise StartFailed(
                "error finding bash.exe, needed to run this hook: it is not in PATH; install Git for Windows, whose "
                "folder bin has it, or name the hook .bat, .cmd or .ps1"
            )
        return ["bash.exe", script.replace("\\", "/")]
    if nature.shebang:
        return [script]
    if session.which("bash"):
        return ["bash", script]
    session.log.warning("bash is not on the PATH: the hook runs with sh")
    return ["sh", script]


def _hooks_shell(text: str) -> List[str]:
    try:
        return split(text)
    except ValueError as error:
        raise StartFailed(f"splitting hooks shell {go_quote(text)}: {error}") from None


def _display_path(cwd: str, path: str) -> str:
    return os.path.relpath(path, cwd) if cwd and path.startswith(cwd) else path


def _missing(nature: Nature) -> str:
    return f'the script interpreter "{nature.interpreter}" is missing' if nature.shebang else "its wrapper is gone"


def _remember(session: Session, status: int) -> None:
    with session.lock:
        session.env[LAST_STATUS] = str(status)
