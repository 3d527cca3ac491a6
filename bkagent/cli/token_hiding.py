"""Take the registration token out of what `ps` and /proc show of this process."""

from __future__ import annotations

import os
import sys
from typing import Dict, List, Tuple

from bkagent.cli.command import Call
from bkagent.config import environment, self_command, token_source
from bkagent.config.options import api, session
from bkagent.config.secret import Secret
from bkagent.system import own_memory

_FLAG = api.TOKEN.name
_FLAG_SPELLINGS = (f"-{_FLAG}", f"--{_FLAG}")


def hide(call: Call, words: List[str]) -> None:
    """Hide every token that a flag or a variable gave; `words` are the command line behind the program's name.

    Where the process cannot change what it shows, it replaces itself by one that reads the token from a pipe,
    and this does not return.
    """
    names = api.TOKEN.env
    kept, given = divided(words)
    seen = {text for text in [*given, *(call.environ.get(name, "") for name in names)] if _is_secret(text)}
    environment.forget(list(names))
    hidden = [own_memory.forget(text) for text in sorted(seen)]
    if all(hidden) or os.sep == "\\":
        return
    if call.settings[session.CONFIG] and not call.settings.origin(session.CONFIG).startswith("flag"):
        # The new process would not know which folder it was started from, and could find another file.
        kept = [*kept[:1], f"--{session.CONFIG.name}={call.settings[session.CONFIG]}", *kept[1:]]
    environ = {name: text for name, text in call.environ.items() if name not in names}
    _start_anew(call.settings[api.TOKEN], kept, environ)


def divided(words: List[str]) -> Tuple[List[str], List[str]]:
    """Return a command line without the token's flags, and the texts of those."""
    kept: List[str] = []
    texts: List[str] = []
    rest = iter(words)
    for word in rest:
        flag, equals, text = word.partition("=")
        if flag in _FLAG_SPELLINGS:
            texts.append(text if equals else next(rest, ""))
        else:
            kept.append(word)
    return kept, texts


def _is_secret(text: str) -> bool:
    return bool(text) and token_source.is_plain(Secret(text))


def _start_anew(token: Secret, words: List[str], environ: Dict[str, str]) -> None:
    text = token.reveal()
    if token_source.is_plain(token):
        reading, writing = os.pipe()
        # A pipe holds more than the longest token that is read from one.
        os.write(writing, text.encode("utf-8", "surrogateescape"))
        os.close(writing)
        os.set_inheritable(reading, True)
        text = f"fd://{reading}"
    argv = self_command.command([*words[:1], f"--{_FLAG}={text}", *words[1:]])
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], argv, environ)
