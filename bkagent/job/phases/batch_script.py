"""The batch file that runs the lines of a command in cmd.exe, which takes one line only. Pure.

It stops at the first line that fails. A batch file that another one starts without `call` never returns to it: the
lines after it would not run, and the job would pass. So `call` is put before those that are recognised.
"""

from __future__ import annotations

import re
from typing import Callable, List

_STOP = "if %errorlevel% neq 0 exit /b %errorlevel%"
_ENDINGS = (".bat", ".cmd")
# A command's first word: what comes before it, then a quoted path or what no blank and no sign of the shell ends.
_FIRST_WORD = re.compile(r'[\s@]*(?:"(?P<quoted>[^"]+)"|(?P<plain>[^\s"&|<>()^%!,;=]+))(?=$|[\s&|<>()])')


def text_of(command: str, is_batch_file: Callable[[str], bool]) -> str:
    """Return the whole file. `is_batch_file` tells of a program's name without extension what PATH has by that name."""
    lines = [line for line in (line.strip("\r") for line in command.split("\n")) if line]
    texts = ["@echo off"]
    for line in lines:
        *before, last = _commands(line)
        # After the last command of all nothing comes, so only what the reference calls is: `call` reads % and ^ twice.
        looks_up = is_batch_file if line is not lines[-1] else _finds_none
        called = [*(_with_call(piece, is_batch_file) for piece in before), _with_call(last, looks_up)]
        texts += ["".join(called), _STOP]
    return "\r\n".join(texts)


def _finds_none(name: str) -> bool:
    return False


def _with_call(command: str, is_batch_file: Callable[[str], bool]) -> str:
    match = _FIRST_WORD.match(command)
    name = (match["quoted"] or match["plain"]) if match else ""
    if not name or not (name.lower().endswith(_ENDINGS) or is_batch_file(name)):
        return command
    begin = len(command) - len(command.lstrip())
    return command[:begin] + "call " + command[begin:].lstrip("@")


def _commands(line: str) -> List[str]:
    """Return a line in pieces, each with one command: `&`, `&&` and `||` part them, outside of quotes."""
    pieces, begin, at, is_quoted = [], 0, 0, False
    while at < len(line):
        letter = line[at]
        if letter == '"':
            is_quoted = not is_quoted
        elif letter == "^" and not is_quoted:
            at += 1
        elif not is_quoted and (letter == "&" or line.startswith("||", at)):
            at += 2 if line[at : at + 2] in ("&&", "||") else 1
            if line[at - 2 : at - 1] not in "<>":  # 2>&1
                pieces.append(line[begin:at])
                begin = at
            continue
        at += 1
    return [*pieces, line[begin:]]
