"""Take the registration token out of what `ps` and /proc show of this process."""

from __future__ import annotations

import os
import sys
from typing import Dict, List

from bkagent.cli.command import Call
from bkagent.config import environment, self_command, token_source
from bkagent.config.options import api, session
from bkagent.system import own_memory

_FLAG = api.TOKEN.name
_FLAG_SPELLINGS = (f"-{_FLAG}", f"--{_FLAG}")


def hide(call: Call, words: List[str]) -> None:
    """Hide the token that a flag or a variable gave; `words` are the command line behind the program's name.

    Where the process cannot change what it shows, it replaces itself by one that reads the token from a pipe,
    and this does not return.
    """
    token = call.settings[api.TOKEN]
    seen = call.settings.origin(api.TOKEN)
    if not token_source.is_plain(token) or not seen.startswith(("flag", "environment")):
        return
    environment.forget(list(api.TOKEN.env))
    if own_memory.forget(token.reveal()) or os.sep == "\\":
        return
    if call.settings[session.CONFIG] and not call.settings.origin(session.CONFIG).startswith("flag"):
        # The new process would not know which folder it was started from, and could find another file.
        words = [*words[:1], f"--{session.CONFIG.name}={call.settings[session.CONFIG]}", *words[1:]]
    _start_anew(token.reveal(), words, {name: text for name, text in call.environ.items() if name not in api.TOKEN.env})


def without_token(words: List[str]) -> List[str]:
    """Return a command line without the token's flag and its value."""
    kept, skip = [], False
    for word in words:
        if skip:
            skip = False
        elif word in _FLAG_SPELLINGS:
            skip = True
        elif word.partition("=")[0] not in _FLAG_SPELLINGS:
            kept.append(word)
    return kept


def _start_anew(token: str, words: List[str], environ: Dict[str, str]) -> None:
    reading, writing = os.pipe()
    # A pipe holds more than the longest token that is read from one.
    os.write(writing, token.encode("utf-8", "surrogateescape"))
    os.close(writing)
    os.set_inheritable(reading, True)
    argv = self_command.command([*without_token(words), f"--{_FLAG}", f"fd://{reading}"])
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], argv, environ)
