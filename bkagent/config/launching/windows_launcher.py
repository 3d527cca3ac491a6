"""The programs by which jobs on Windows call our commands: `buildkite-agent.exe` and `bkagent.exe`.

They are what pip makes of a console script: a stub (`t64.exe` of distlib, a 64-bit program), a line that says what to
start, and a zip archive, without which the stub does not look for the line. The stub starts

    PYTHON ARGUMENTS-OF-THE-LINE LAUNCHER WORDS

where WORDS is the rest of its own command line, byte for byte, so that nothing is quoted a second time. It hands its
standard streams on, ends with the exit status of Python, and ends Python if it is killed itself (a job object). A .cmd
file would not do: a batch file that starts one without `call` never continues.
Source: PC/launcher.c of https://github.com/pypa/distlib
"""

import io
import os
import zipfile

from bkagent.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Sequence

STUB = "launcher.exe"  # beside this file, where packaging/launcher_stub.py has put it into the archive
_OF_PIP = "pip/_vendor/distlib/t64.exe"
_MAX_PATH = 260  # characters, with the NUL: the stub asks for its own path with a buffer of this size
_LINE_BYTES = 259  # of the line, its end included: the stub reads it into a buffer of MAX_PATH

# The code runs from its place in the launcher; that Python takes the launcher for an archive would cost `runpy` and
# what that loads, which is as much again as a short command takes.
_LINE = """#!"{python}" -I -S -c "import sys;f=open(sys.argv[1],'rb');f.seek(-{from_end},2);exec(f.read({length}))"\n"""
_LINE_OF_LONG_PATH = '#!"{python}" -I -S\n'
_CODE = """\
import sys
program = sys.argv.pop(1) if sys.argv[0] == "-c" else sys.argv[0]
for stream in (sys.stdout, sys.stderr):
    if stream:  # in the form that programs of every shell read: UTF-8, lines that end in LF
        stream.reconfigure(encoding="utf-8", newline="\\n")
sys.path.insert(0, {root!a})
try:
    from bkagent.cli.main import run
except ModuleNotFoundError:
    sys.stderr.write(program + ": the code of the agent is no longer in " + sys.path[0] + "\\n")
    sys.exit(127)
run(program)
"""
_MEMBER = "__main__.py"
# A member's entry in the directory at the end of an archive (46 bytes and the name), and what follows the entries.
_DIRECTORY_BYTES = 46 + len(_MEMBER) + 22
# Git Bash takes a file without an ending before one with .exe.
_SH = b'#!/bin/sh\nexec "$0.exe" "$@"\n'


def files(names: "Sequence[str]", python: str, root: str) -> "Dict[str, bytes]":
    """Return {name of file: content} of the launchers: for each name an .exe, and a sh file without an ending.

    `python` and `root`, the folder that holds the package, are absolute. Raises ConfigError.
    """
    program = content(_stub(), python, _CODE.format(root=root))
    return {**{name + ".exe": program for name in names}, **dict.fromkeys(names, _SH)}


def check_folder(folder: str, names: "Sequence[str]") -> None:
    """Raise ConfigError where the stub could not find itself in a folder, since its path is too long."""
    longest = max(len(os.path.join(folder, name + ".exe")) for name in names)
    if longest >= _MAX_PATH:
        raise ConfigError(
            f"the folder {folder} is too long a path for the commands of jobs: {longest} characters with their names, "
            f"and Windows allows {_MAX_PATH - 1}; choose a shorter one with --state-path"
        )


def content(stub: bytes, python: str, code: str) -> bytes:
    """Return a whole launcher. Raises ConfigError where the path of Python is too long for the stub."""
    source = code.encode("ascii")
    line = _LINE.format(python=python, from_end=len(source) + _DIRECTORY_BYTES, length=len(source)).encode()
    if len(line) > _LINE_BYTES:
        line = _LINE_OF_LONG_PATH.format(python=python).encode()
    if len(line) > _LINE_BYTES:
        raise ConfigError(
            f"the path of Python, {python}, is too long for the commands of jobs; start the agent with a Python "
            "in a folder whose path is shorter"
        )
    # Offsets in the archive count from the line: the stub takes what they count from for the place of the line.
    tail = io.BytesIO(line)
    with zipfile.ZipFile(tail, "a", zipfile.ZIP_STORED) as archive:
        archive.writestr(zipfile.ZipInfo(_MEMBER), source)
    return stub + tail.getvalue()


def _stub() -> bytes:
    """Return the stub that came with the archive; for a checkout the one of pip that came with Python."""
    try:
        with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), STUB), "rb") as file:
            return file.read()
    except FileNotFoundError:
        return _stub_of_python()


def _stub_of_python() -> bytes:
    import importlib.util

    ensurepip = importlib.util.find_spec("ensurepip")
    wheels = os.path.join(os.path.dirname(ensurepip.origin), "_bundled") if ensurepip and ensurepip.origin else ""
    for name in sorted(os.listdir(wheels)) if os.path.isdir(wheels) else ():
        if name.startswith("pip-"):
            with zipfile.ZipFile(os.path.join(wheels, name)) as wheel:
                return wheel.read(_OF_PIP)
    raise ConfigError(
        "running from a checkout on Windows requires a Python that has pip (its ensurepip), whose launcher the "
        "commands of jobs are made from; this Python has none: use bkagent.pyz, which brings that launcher"
    )
