"""The wrappers of hooks that are batch files or PowerShell scripts; the same steps as for the Bourne shells."""

from typing import List

from bkagent.hooks import dump_command


def batch(hook_path: str, before: str, after: str) -> str:
    """Return the wrapper of a batch file.

    `!X!` is read when its line runs, and nothing of its value is read as code; a path in the text would lose its `!`,
    so all paths are set before hooks may use `!X!`, as they may with the reference. `CALL` reads its line twice.
    """
    program, *words = dump_command.by_python()
    paths = {"PYTHON": program, "BEFORE": before, "AFTER": after, "HOOK": hook_path}
    dump = " ".join(['"!__BKAGENT_PYTHON!"', *map(_batch_quoted, words)])
    return "\r\n".join(
        (
            "@echo off",
            "SETLOCAL DISABLEDELAYEDEXPANSION",
            *(f'SET "__BKAGENT_{name}={path.replace("%", "%%")}"' for name, path in paths.items()),
            "SETLOCAL ENABLEDELAYEDEXPANSION",
            f'{dump} > "!__BKAGENT_BEFORE!"',
            'CALL "%%__BKAGENT_HOOK%%"',
            "SET BUILDKITE_HOOK_EXIT_STATUS=!ERRORLEVEL!",
            'SET "BUILDKITE_HOOK_WORKING_DIR=!CD!"',
            f'{dump} > "!__BKAGENT_AFTER!"',
            "EXIT !BUILDKITE_HOOK_EXIT_STATUS!",
            "",
        )
    )


def powershell(hook_path: str, before: str, after: str) -> str:
    """Return the wrapper of a PowerShell script. Dumps are written by the child: PowerShell would recode a pipe."""
    program, *words, code = dump_command.by_python()
    writing = code.replace("sys.stdout.buffer.write", "open(sys.argv[1], 'wb', 0).write")
    dump = "& " + " ".join(map(_powershell_quoted, [program, *words, writing]))
    lines: List[str] = [
        '$ErrorActionPreference = "STOP"',
        f"{dump} {_powershell_quoted(before)}",
        f". {_powershell_quoted(hook_path)}",
        "if ($LASTEXITCODE -eq $null) { $Env:BUILDKITE_HOOK_EXIT_STATUS = 0 }"
        " else { $Env:BUILDKITE_HOOK_EXIT_STATUS = $LASTEXITCODE }",
        "$Env:BUILDKITE_HOOK_WORKING_DIR = $PWD | Select-Object -ExpandProperty Path",
        f"{dump} {_powershell_quoted(after)}",
        "exit $Env:BUILDKITE_HOOK_EXIT_STATUS",
        "",
    ]
    text = "\r\n".join(lines)
    # Windows PowerShell takes a script without this mark to be in the system's old code page.
    return text if text.isascii() else "\ufeff" + text


def _batch_quoted(word: str) -> str:
    # No escape exists inside quotes but for `%`; a Windows path holds no quote.
    return '"' + word.replace("%", "%%") + '"'


def _powershell_quoted(word: str) -> str:
    return "'" + word.replace("'", "''") + "'"
