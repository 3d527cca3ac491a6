"""The command line: find the command, read its settings, run it, end with its exit status.

Nothing is loaded with this module, so that secrets leave the command line which others see before that takes its time.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List, Optional

    from bkagent.cli.command import Call, Command
    from bkagent.cli.log import Log
    from bkagent.config.settings import Settings
    from bkagent.config.sources.command_line import Line

# Of every command; a test holds them against the option tables, which would take longest of all to load.
SECRET_FLAGS = ("agent-access-token", "git-ssh-key", "graphql-token", "token")
_HELP_WORDS = ("--help", "-help", "-h")
_VERSION_WORDS = ("--version", "-v", "-version")


def run(program: str = "") -> None:
    """Run the process's own command line and exit. `program` is the archive or launcher that was started, if any."""
    if program:
        sys.argv[0] = program
    if any(word[:1] == "-" and word.strip("-").partition("=")[0] in SECRET_FLAGS for word in sys.argv[1:]):
        from bkagent.cli import secret_flags

        secret_flags.hide(SECRET_FLAGS)
    _load_faster()
    _let_output_encode()
    status = main(sys.argv[1:])
    if status > 0xFF:
        from bkagent.system import exit_status

        status = exit_status.signed(status)
    if _nothing_waits_for_end():
        _exit_at_once(status)
    sys.exit(status)


def _let_output_encode() -> None:
    """Let no text fail to print: bytes of others go out as they came, and what a locale's encoding lacks as `?`.

    Where Python takes bytes as they come for want of a locale, as it always does on Windows, output is UTF-8.
    """
    if sys.stdin is None or sys.stdout is None or sys.stderr is None:
        _open_missing_streams()
    out = sys.stdout
    utf8 = out.encoding.lower() in ("utf-8", "utf8")
    if out.errors == "surrogateescape" and not utf8:
        for stream in (out, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors=stream.errors)  # type: ignore[union-attr]
    elif out.errors == "strict":
        out.reconfigure(errors="surrogateescape" if utf8 else "replace")  # type: ignore[union-attr]


def _load_faster() -> None:
    """Have further modules loaded by a finder of our own, where this Python has what that needs."""
    try:
        from bkagent import bytecode
    except ImportError:
        return
    bytecode.use_for(__name__, globals().get("__cached__") or "")


def load_together(group: str) -> None:
    """Load a group of modules in less time than each import takes, where they are packed so."""
    bytecode = sys.modules.get("bkagent.bytecode")
    if bytecode is not None:
        bytecode.load_together(group)


def _open_missing_streams() -> None:
    """Open what was closed as /dev/null, so that no other file takes its number."""
    import os

    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            os.dup2(os.open(os.devnull, os.O_RDWR), number)  # the lowest free number, which may be this one
            setattr(sys, name, open(number, mode, closefd=False))  # noqa: SIM115


def _nothing_waits_for_end() -> bool:
    """Return whether nothing is left to be done when Python ends: no function to be called, no thread to be joined."""
    if "atexit" in sys.modules:
        return False
    threading = sys.modules.get("threading")
    return threading is None or all(
        thread.daemon or thread is threading.main_thread() for thread in threading.enumerate()
    )


def _exit_at_once(status: int) -> None:
    """End at once: taking the interpreter apart is a tenth of a short command, and of an agent's start."""
    import os

    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        return
    os._exit(status)


def main(words: "List[str]", environ: "Optional[Dict[str, str]]" = None, command: "Optional[Command]" = None) -> int:
    """Run one command line; return its exit status. Nothing but an interrupt leaves by exception.

    `command` is run in place of the one that the first of the words names.
    """
    if environ is None:
        from bkagent.config.sources import environment

        environ = environment.read()
    calls: "List[Call]" = []
    return at_edge(lambda: _dispatch(words, environ, calls, command), words, environ, calls)


def at_edge(run: "Callable[[], int]", words: "List[str]", environ: "Dict[str, str]", calls: "List[Call]") -> int:
    """Return the exit status of `run`, or of what it raises, which is reported. Nothing but an interrupt passes.

    `words` are its command line; `calls` has its call, once that is known.
    """
    from bkagent.errors import AgentError, KeyAbsent, UnknownCommand

    try:
        status = run()
        sys.stdout.flush()
        return status
    except UnknownCommand as unknown:
        for line in str(unknown).split("\n"):
            _print_error(line)
        return unknown.exit_code
    except KeyAbsent as absent:
        return absent.exit_code
    except AgentError as error:
        _print_error(f"{_name()}: fatal: {error}")
        return error.exit_code & 0xFF
    except BrokenPipeError:
        return _end_after_broken_pipe()
    except KeyboardInterrupt:
        return 130
    except ImportError as error:
        message = _missing_module_message(error)
        if not message:
            return _report_defect(error, words, environ, calls)
        _print_error(message)
        return 1
    except Exception as error:  # the edge of the process: a defect of ours must still read as a sentence
        if isinstance(error, OSError) and _is_full(error):
            return _end_after_full_disk(error)
        return _report_defect(error, words, environ, calls)


def _dispatch(words: "List[str]", environ: "Dict[str, str]", calls: "List[Call]", command: "Optional[Command]") -> int:
    """Run the command that the words name; return its exit status. `calls` gets its call, before that is run."""
    from bkagent.cli import table
    from bkagent.errors import MissingValue

    if words and words[0] in _VERSION_WORDS:
        from bkagent.version import FULL_VERSION

        sys.stdout.write(f"buildkite-agent version {FULL_VERSION}\n")
        return 0
    name, count = table.find(words)
    if not name or name == "help":
        from bkagent.cli.pages import help

        return help.answer(words, environ)
    if command is None:
        if not any(word in _HELP_WORDS for word in words):  # a page of help needs a third of it
            load_together(name)
        command = table.load(name)
    try:
        call = _read_call(command, words[count:], environ)
        if call is None:
            return 0
        calls.append(call)
        return command.run(call)
    except MissingValue as missing:
        _print_error(f"Missing {missing}. See: `{_name()} {command.name} --help`")
        return missing.exit_code


def _read_call(command: "Command", words: "List[str]", environ: "Dict[str, str]") -> "Optional[Call]":
    """Return the call that the words make; None for those that ask for the command's page, which is printed.

    For words that make no call the page is printed before the error.
    """
    from bkagent.config.sources import command_line
    from bkagent.errors import MissingValue, UnknownArgument, UsageError

    try:
        line = command_line.split(words, command.options)
        if command_line.HELP[0] not in line.flags:
            _refuse_unused(command, line.arguments)
            return _call(command, line, environ)
    except (MissingValue, UnknownArgument):
        raise
    except UsageError:
        _describe(command, environ)
        raise
    _describe(command, environ)
    return None


def _describe(command: "Command", environ: "Dict[str, str]") -> None:
    from bkagent.cli.pages import help

    help.describe(command, environ)


def _call(command: "Command", line: "Line", environ: "Dict[str, str]") -> "Call":
    from bkagent.cli.command import Call
    from bkagent.cli.log import Log
    from bkagent.config.settings import Source, resolve
    from bkagent.errors import AgentError

    warnings = line.notes
    path, file = "", None
    if command.reads_file:
        from bkagent.cli import config_file

        path, file = config_file.read(command, line.flags, environ, warnings)
    try:
        settings = resolve(command.options, Source(line.flags, environ, file), warnings.append)
    except AgentError:
        for sentence in warnings:  # they may say why; how to log is not known yet
            _print_error(f"{_name()}: warning: {sentence}")
        raise
    if path:
        config_file.note(command, settings, path)
    # What another command prints on standard output is its answer, which messages must not run into.
    report = Log(settings, sys.stderr, sys.stdout if command.name == "start" else sys.stderr, environ)
    warnings += report.doubts
    _add_experiments(settings, warnings)
    warnings += _surplus_warnings(command, line.arguments)
    for sentence in warnings:
        report("warn", sentence, "config.warning")
    report("debug", f"Loaded config command={command.name}", "config.loaded")
    if report.is_debug:
        _report_experiments(settings, report)
    return Call(command, settings, line.arguments, environ, sys.stdin, sys.stdout, sys.stderr, report)


def _add_experiments(settings: "Settings", warnings: "List[str]") -> None:
    from bkagent.config.options import logging

    if logging.EXPERIMENT in settings and settings[logging.EXPERIMENT]:
        from bkagent.config import experiments

        warnings += experiments.notes(settings[logging.EXPERIMENT])


def _refuse_unused(command: "Command", arguments: "List[str]") -> None:
    """Refuse arguments that a command of ours has no use for: `server backup` must not start a server."""
    from bkagent.cli import table
    from bkagent.errors import UnknownArgument

    extra = _surplus_arguments(command, arguments)
    if not extra or command.name not in table.OWN:
        return
    takes = " and ".join(command.arguments) or "no arguments"
    words = ", ".join(f'"{word}"' for word in extra)
    raise UnknownArgument(f'"{command.name}" takes {takes}, but the command line has {words} as well')


def _report_experiments(settings: "Settings", report: "Log") -> None:
    from bkagent.config import experiments
    from bkagent.config.options import logging

    if logging.EXPERIMENT in settings:
        for name in settings[logging.EXPERIMENT]:
            if name in experiments.KNOWN:
                report("debug", f'Enabled experiment "{name}"', "config.experiment_enabled")


def _surplus_warnings(command: "Command", arguments: "List[str]") -> "List[str]":
    """Return a sentence for each argument that the command has no use for; the reference ignores them."""
    extra = [] if command.exact else _surplus_arguments(command, arguments)
    if not extra:
        return []
    words = ", ".join(f'"{word}"' for word in extra)
    return [f'"{command.name}" takes {len(command.arguments)} arguments at most; ignored: {words}']


def _surplus_arguments(command: "Command", arguments: "List[str]") -> "List[str]":
    if command.arguments and command.arguments[-1].endswith("..."):
        return []
    return arguments[len(command.arguments) :]


def _name() -> str:
    from bkagent.version import program_name

    return program_name()


def _print_error(text: str) -> None:
    from bkagent.wire import shown_text

    try:
        sys.stdout.flush()
        sys.stderr.write(shown_text.message(text) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _end_after_broken_pipe() -> int:
    """End quietly once the reader of our output is gone, as a program killed by SIGPIPE would."""
    _discard_stdout()
    return 141


def _is_full(error: OSError) -> bool:
    """Return whether the system took no more bytes: a full disk, as that of a redirected output, is no defect."""
    import errno

    return error.errno in (errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", -1))


def _end_after_full_disk(error: OSError) -> int:
    _discard_stdout()  # first, as what it has not taken goes before every error
    target = error.filename if isinstance(error.filename, str) else "the output"
    _print_error(f"{_name()}: fatal: {target} cannot be written: {error.strerror}")
    return 1


def _discard_stdout() -> None:
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _missing_module_message(error: ImportError) -> str:
    """Return "" where the module is one of ours and should be there."""
    from bkagent.config.launching import self_command

    if (error.name or "").startswith("bkagent"):
        if not self_command.is_packed():
            return ""
        return f"{_name()}: this command is not for containers; run it on a machine that has the agent"
    message = (
        f"{_name()}: this Python ({sys.executable}) lacks a part of its standard library: {error}. "
        "On Debian and Ubuntu install the package python3 in place of python3-minimal"
    )
    return message + self_command.other_program_hint()


def _report_defect(error: Exception, words: "List[str]", environ: "Dict[str, str]", calls: "List[Call]") -> int:
    """Leave a report of a defect and say where it is; return the exit status. `calls` has the call, if any."""
    from bkagent.cli import crash_report

    settings = calls[0].settings if calls else None
    line = crash_report.leave(
        error,
        crash_report.shown_words(words, SECRET_FLAGS),
        lambda: crash_report.state_folder(environ, settings),
        crash_report.scrub_for(words, SECRET_FLAGS, environ, settings),
    )
    _print_error(f"{_name()}: fatal: {line}")
    return 1
