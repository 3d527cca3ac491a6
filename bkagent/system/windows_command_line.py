"""The one line by which Windows gives a program its arguments. Pure, so that it can be tried anywhere.

Programs split the line themselves: most as the C runtime does, cmd.exe by rules of its own. Sources: "Parsing C
command-line arguments" and "cmd" in Microsoft's documentation; CVE-2024-24576 for what batch files make of arguments.
"""

from __future__ import annotations

import ntpath
from typing import Sequence

_BATCH_FILES = (".bat", ".cmd")
_SHELL = "cmd.exe"
# cmd.exe has no escape for a percent sign on a command line. This is a part of a variable that is always empty, so that
# what stands between two percent signs is no variable's name any more.
_PERCENT = "%%cd:~,%"
_ESCAPED_QUOTE, _DOUBLED_QUOTE = '\\"', '""'


def runs_by_shell(program: str) -> bool:
    """Return whether a program is a batch file, which cmd.exe has to run."""
    # Windows ignores these at the end of a name.
    return ntpath.splitext(program.rstrip(". "))[1].lower() in _BATCH_FILES


def of_program(argv: Sequence[str]) -> str:
    """Return the line for a program that splits it as the C runtime does; for cmd.exe itself, what it can take.

    cmd.exe with /S takes off the first and the last quote after /C and keeps what is between, so all of that is put
    into quotes: a script's path may have blanks.
    """
    if ntpath.basename(argv[0]).lower() == _SHELL:
        switches = [word.lower() for word in argv[1:-1]]
        if "/s" in switches and switches[-1] in ("/c", "/k"):
            return f'{_joined(argv[:-1])} ""{argv[-1]}""' if _is_path(argv[-1]) else _joined(argv)
    return _joined(argv)


def of_batch_file(shell: str, argv: Sequence[str]) -> str:
    """Return the line by which `shell`, a cmd.exe, runs the batch file argv[0] with the rest as its arguments.

    Nothing of the arguments is read as a command or as a variable. Raises ValueError for what cannot be passed.
    """
    words = " ".join([f'"{argv[0]}"', *map(_batch_argument, argv[1:])])
    return f'"{shell}" /d /e:ON /v:OFF /s /c "{_without_variables(words)}"'


def quoted(argument: str) -> str:
    """Return an argument as the C runtime reads it."""
    if argument and not any(letter in argument for letter in ' \t\n\v"'):
        return argument
    return f'"{_escaped(argument, _ESCAPED_QUOTE)}"'


def _joined(argv: Sequence[str]) -> str:
    return " ".join(map(quoted, argv))


def _is_path(word: str) -> bool:
    return '"' not in word and runs_by_shell(word)


def _batch_argument(argument: str) -> str:
    if any(letter in argument for letter in "\r\n\0"):
        raise ValueError("an argument of a batch file holds a line break or a NUL character, which it cannot be given")
    # In quotes only % means something to cmd.exe, and "" is a quote to it and to the programs that it starts.
    return f'"{_escaped(argument, _DOUBLED_QUOTE)}"'


def _escaped(argument: str, quote: str) -> str:
    """Return the inner part of a quoted argument, with `quote` for each quote: backslashes count only before one."""
    pieces, backslashes_count = [], 0
    for letter in argument:
        if letter == '"':
            pieces.append("\\" * backslashes_count + quote)
        else:
            pieces.append(letter)
        backslashes_count = backslashes_count + 1 if letter == "\\" else 0
    return "".join([*pieces, "\\" * backslashes_count])


def _without_variables(words: str) -> str:
    return words.replace("%", _PERCENT)
