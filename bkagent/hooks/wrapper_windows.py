"""The wrappers of hooks that are batch files or PowerShell scripts; the same steps as for the Bourne shells."""

from bkagent.hooks import dump_command


def batch(hook_path: str, before: str, after: str) -> str:
    """Return the wrapper of a batch file. `!X!` is read when its line runs, `%X%` when it is parsed."""
    dump = " ".join(_batch_quoted(word) for word in dump_command.by_python())
    return "\r\n".join(
        (
            "@echo off",
            "SETLOCAL ENABLEDELAYEDEXPANSION",
            f"{dump} > {_batch_quoted(before)}",
            f"CALL {_batch_quoted(hook_path)}",
            "SET BUILDKITE_HOOK_EXIT_STATUS=!ERRORLEVEL!",
            "SET BUILDKITE_HOOK_WORKING_DIR=%CD%",
            f"{dump} > {_batch_quoted(after)}",
            "EXIT %BUILDKITE_HOOK_EXIT_STATUS%",
            "",
        )
    )


def powershell(hook_path: str, before: str, after: str) -> str:
    """Return the wrapper of a PowerShell script. Dumps are written by the child: PowerShell would recode a pipe."""
    words = dump_command.by_python()
    program, arguments = _powershell_quoted(words[0]), " ".join(_powershell_quoted(word) for word in words[1:-1])
    writing = words[-1].replace("sys.stdout.buffer.write", "open(sys.argv[1], 'wb', 0).write")
    dump = f"& {program} {arguments} {_powershell_quoted(writing)}"
    return "\r\n".join(
        (
            '$ErrorActionPreference = "STOP"',
            f"{dump} {_powershell_quoted(before)}",
            f". {_powershell_quoted(hook_path)}",
            "if ($LASTEXITCODE -eq $null) { $Env:BUILDKITE_HOOK_EXIT_STATUS = 0 }"
            " else { $Env:BUILDKITE_HOOK_EXIT_STATUS = $LASTEXITCODE }",
            "$Env:BUILDKITE_HOOK_WORKING_DIR = $PWD | Select-Object -ExpandProperty Path",
            f"{dump} {_powershell_quoted(after)}",
            "exit $Env:BUILDKITE_HOOK_EXIT_STATUS",
            "",
        )
    )


def _batch_quoted(word: str) -> str:
    # No escape exists inside quotes but for `%`; a Windows path holds no quote.
    return '"' + word.replace("%", "%%") + '"'


def _powershell_quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
