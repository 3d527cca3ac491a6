"""A defect of ours, written down in the state folder, `crash-TIME.log`, and the line that names the file.

The file has what cannot be asked for afterwards: versions, platform, command line, traceback. Everything in it has
gone through redaction, and no values of local variables are in it.
"""

from __future__ import annotations

import os
import sys
import threading
import time
import traceback
from typing import Callable, Collection, Dict, List, Mapping, Optional

from bkagent.cli import known_secrets, secret_flags
from bkagent.config import paths
from bkagent.config.options.session import STATE_PATH
from bkagent.config.settings import Settings
from bkagent.errors import AgentError
from bkagent.redaction import url_password
from bkagent.system import host, plain_file, private_folder
from bkagent.version import FULL_VERSION, program_name

Scrub = Callable[[str], str]

REPORTS_COUNT = 20  # the oldest go first
_LONGEST_CHARS = 200_000  # of a traceback; that of a deep recursion is folded by Python itself
_TRIES_COUNT = 100
# What follows these commands is text of the build, which may be a secret whatever it looks like.
_TAKE_TEXTS = (("annotate",), ("env", "set"), ("meta-data", "set"), ("redactor", "add"), ("step", "update"))


def leave(defect: BaseException, shown: List[str], find_folder: Callable[[], str], scrub: Scrub) -> str:
    """Write the report of a defect; return the line that names it, or that says why it could not be written.

    `shown` are `shown_words` of the command line without its program, `find_folder` returns the state folder.
    """
    sentence = scrub("".join(traceback.format_exception_only(type(defect), defect)).strip())
    try:
        folder = private_folder.make(find_folder())
        path = _write(folder, scrub(_text(defect, shown)))
    except (AgentError, OSError) as problem:
        return f"internal error: {sentence} ({_place(defect)}); no report of it could be written: {problem}"
    _remove_oldest(folder)
    return f"internal error: {sentence}; the report is {path}"


def state_folder(environ: Dict[str, str], settings: Optional[Settings]) -> str:
    """Return the state folder of a command that may have failed before its settings were read. Raises ConfigError."""
    if settings is not None and STATE_PATH in settings:
        return paths.state_path(environ, settings[STATE_PATH])
    return paths.state_path(environ, environ.get(STATE_PATH.env[0], ""))


def scrub_for(
    words: List[str], secret_names: Collection[str], environ: Mapping[str, str], settings: Optional[Settings]
) -> Scrub:
    """Return what takes the secrets out of a text that a process knows: of its words, its variables, its settings."""
    given = dict(word.lstrip("-").partition("=")[::2] for word in words if "=" in word)
    known = known_secrets.read(settings or Settings(), environ)
    of_words = known_secrets.read(Settings(), given)
    for text in secret_flags.split_off(words, secret_names)[1]:
        of_words.add(text)
    return lambda text: of_words.scrub(known.scrub(text))


def shown_words(words: List[str], secret_names: Collection[str]) -> List[str]:
    """Return a command line without the texts of secret flags, passwords of URLs, and texts of the build."""
    shown: List[str] = []
    hides_next = False
    for word in words:
        name, equals, text = word.partition("=")
        is_secret = word[:1] == "-" and name.lstrip("-") in secret_names
        if hides_next or (is_secret and equals):
            word = f"{name}=[REDACTED]" if is_secret else "[REDACTED]"
        elif "://" in word:
            word = f"{name}={url_password.masked(text)}" if "://" not in name else url_password.masked(word)
        hides_next = is_secret and not equals
        shown.append(word)
    for command in _TAKE_TEXTS:
        if tuple(words[: len(command)]) == command:
            return [*command, f"({len(words) - len(command)} more words)"]
    return shown


def _text(defect: BaseException, shown: List[str]) -> str:
    trace = "".join(traceback.format_exception(type(defect), defect, defect.__traceback__))
    return (
        f"bkagent: {FULL_VERSION}\n"
        f"Python: {' '.join(sys.version.split())} ({sys.executable})\n"
        f"platform: {host.platform_name()}\n"
        f"time: {time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())}\n"
        f"process: {os.getpid()}, thread {threading.current_thread().name}\n"
        f"command line: {' '.join([program_name(), *shown])}\n"
        f"\n{trace[-_LONGEST_CHARS:]}"
    )


def _place(defect: BaseException) -> str:
    """Return where a defect was raised: file, line and function."""
    trace = defect.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    if trace is None:
        return "nowhere"
    code = trace.tb_frame.f_code
    return f"{os.path.basename(code.co_filename)}, line {trace.tb_lineno}, in {code.co_name}"


def _write(folder: str, text: str) -> str:
    """Write a new file of mode 0600; return its path. Raises OSError."""
    now_ns = time.time_ns()
    for attempt in range(_TRIES_COUNT):
        seconds, rest_ns = divmod(now_ns + attempt * 1000, 1_000_000_000)
        stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(seconds)) + f".{rest_ns // 1000:06d}Z"
        path = os.path.join(folder, f"crash-{stamp}.log")
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
        except FileExistsError:
            continue  # of another process, in the same microsecond
        with open(fd, "wb") as file:
            file.write(text.encode("utf-8", "backslashreplace"))
        return path
    raise FileExistsError(f"{folder} has a report for each microsecond of now")


def _remove_oldest(folder: str) -> None:
    """Leave the newest reports: their names begin with the time."""
    names = sorted(name for name in os.listdir(folder) if name.startswith("crash-") and name.endswith(".log"))
    for name in names[:-REPORTS_COUNT]:
        path = os.path.join(folder, name)
        try:
            if plain_file.is_plain(path):
                os.unlink(path)
        except OSError:
            pass  # another process was quicker
