"""The command line: find the command, read its settings, run it, end with its exit status."""

import sys

from bkagent.cli import table
from bkagent.errors import AgentError, KeyAbsent, MissingValue, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional

    from bkagent.cli.command import Call, Command

HELP_WORDS = ("-h", "--help", "-help")


def run() -> None:
    """Run the process's own command line and exit."""
    sys.exit(main(sys.argv[1:]))


def main(words: "List[str]", environ: "Optional[Dict[str, str]]" = None) -> int:
    """Run one command line; return its exit status. Nothing but an interrupt leaves by exception."""
    if environ is None:
        from bkagent.config import environment

        environ = environment.read()
    try:
        status = _dispatch(words, environ)
        sys.stdout.flush()
        return status
    except KeyAbsent as absent:
        return absent.exit_code
    except AgentError as error:
        _say(f"bkagent: fatal: {error}")
        return error.exit_code & 0xFF
    except BrokenPipeError:
        return _reader_left()
    except KeyboardInterrupt:
        return 130
    except ImportError as error:
        if (error.name or "").startswith("bkagent"):
            return _defect(error, words, environ)
        _say(_incomplete(error))
        return 1
    except Exception as error:  # the edge of the process: a defect of ours must still read as a sentence
        return _defect(error, words, environ)


def _dispatch(words: "List[str]", environ: "Dict[str, str]") -> int:
    if words and words[0] in ("--version", "-v", "-version"):
        from bkagent.version import BUILD, REFERENCE_VERSION

        sys.stdout.write(f"buildkite-agent version {REFERENCE_VERSION}+{BUILD}\n")
        return 0
    name, count = table.find(words)
    if not name or name == "help":
        from bkagent.cli import help

        return help.answer(words)
    command: "Command" = _load(name)
    rest = words[count:]
    if any(word in HELP_WORDS for word in rest[: rest.index("--") if "--" in rest else None]):
        from bkagent.cli import help

        return help.describe(command)
    try:
        return command.run(_understood(command, rest, environ))
    except MissingValue as missing:
        _say(f"Missing {missing}. See: `buildkite-agent {command.name} --help`")
        return missing.exit_code


def _understood(command: "Command", words: "List[str]", environ: "Dict[str, str]") -> "Call":
    """Return the call that the words make; for those that make none the command's page is printed before the error."""
    try:
        return _call(command, words, environ)
    except MissingValue:
        raise
    except UsageError:
        from bkagent.cli import help

        help.describe(command)
        raise


def _load(name: str) -> "Command":
    module = table.module_name(name)
    __import__(module)
    return sys.modules[module].COMMAND  # type: ignore[no-any-return]


def _call(command: "Command", words: "List[str]", environ: "Dict[str, str]") -> "Call":
    from bkagent.cli.command import Call
    from bkagent.cli.log import Log
    from bkagent.config import command_line
    from bkagent.config.settings import Source, resolve

    flags, arguments = command_line.split(words, command.options)
    warnings: "List[str]" = []
    file = None
    if command.reads_file:
        from bkagent.cli import config_file

        file = config_file.read(command, flags, environ, warnings)
    settings = resolve(command.options, Source(flags, environ, file), warnings.append)
    report = Log(settings, sys.stderr, sys.stdout, environ)
    for sentence in warnings:
        report("warn", sentence)
    _check_arguments(command, arguments)
    return Call(command, settings, arguments, environ, sys.stdin, sys.stdout, sys.stderr, report)


def _check_arguments(command: "Command", arguments: "List[str]") -> None:
    if command.arguments and command.arguments[-1].endswith("..."):
        return
    if len(arguments) > len(command.arguments):
        extra = arguments[len(command.arguments)]
        raise UsageError(f'"{command.name}" has no use for the argument "{extra}"')


def _say(text: str) -> None:
    try:
        sys.stdout.flush()
        sys.stderr.write(text + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass


def _reader_left() -> int:
    """Whoever read our output is gone: end quietly, as a program killed by SIGPIPE would."""
    import os

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 141


def _incomplete(error: ImportError) -> str:
    return (
        f"bkagent: this Python ({sys.executable}) lacks a part of its standard library: {error}. "
        "On Debian and Ubuntu install the package python3 in place of python3-minimal"
    )


def _defect(error: Exception, words: "List[str]", environ: "Dict[str, str]") -> int:
    _say(f"bkagent: fatal: internal error: {type(error).__name__}: {error}")
    if "--debug" in words or environ.get("BUILDKITE_AGENT_DEBUG") in ("1", "t", "true", "TRUE", "True"):
        import traceback

        traceback.print_exc()
    else:
        _say("bkagent: run it again with --debug to see where")
    return 1
