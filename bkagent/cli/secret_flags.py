"""Take secrets out of the command line that other processes see, before anything else of this program is loaded.

The memory that `ps` and /proc show is overwritten; where the system does not allow that, an agent replaces itself by
one that reads its token from a pipe. Each module takes a part of a millisecond, so few are imported here.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Collection, Dict, List, Tuple

TOKEN = "token"
# Prefixes of a token that names where it is stored, see `config.sources.token_source`; such a token is not a secret.
_PLACES = ("file://", "fd://")


def split_off(words: "List[str]", names: "Collection[str]" = (TOKEN,)) -> "Tuple[List[str], List[str]]":
    """Return a command line without the flags of these names, and the texts of those."""
    kept: "List[str]" = []
    texts: "List[str]" = []
    rest = iter(words)
    for word in rest:
        flag, equals, text = word.partition("=")
        if flag[:1] == "-" and flag[flag.startswith("--") + 1 :] in names:
            texts.append(text if equals else next(rest, ""))
        else:
            kept.append(word)
    return kept, texts


def forget(names: "Collection[str]") -> bool:
    """Overwrite the texts of these flags; return whether others see none of them."""
    from bkagent.system import own_memory

    _, texts = split_off(sys.argv[1:], names)
    # Of two texts, one may be a part of the other.
    secrets = sorted((text for text in texts if text and not text.startswith(_PLACES)), key=len, reverse=True)
    hidden = [own_memory.forget(text) for text in secrets]  # all of them, though one fails
    return all(hidden)


def hide(names: "Collection[str]") -> None:
    """Hide the texts of these flags. An agent whose memory cannot be overwritten starts anew: this does not return."""
    if forget(names) or sys.argv[1] != "start":
        return
    from bkagent.system.system_kind import ON_WINDOWS

    kept, texts = split_off(sys.argv[1:])
    if texts and texts[-1] and not ON_WINDOWS:
        from bkagent.config.sources import environment

        start_anew(texts[-1], kept, environment.read())


def start_anew(token: str, words: "List[str]", environ: "Dict[str, str]") -> None:
    """Replace this process by one of the same program and `words`, which reads the token from a pipe."""
    import os

    from bkagent.config.launching import self_command

    if not token.startswith(_PLACES):
        reading, writing = os.pipe()
        # A pipe holds more than the longest token that is read from one.
        os.write(writing, token.encode("utf-8", "surrogateescape"))
        os.close(writing)
        os.set_inheritable(reading, True)
        token = f"fd://{reading}"
    argv = self_command.command_of(sys.argv[0], [*words[:1], f"--{TOKEN}={token}", *words[1:]])
    sys.stdout.flush()
    sys.stderr.flush()
    os.execve(argv[0], argv, environ)
