"""Where things are kept: the home folder, the temporary folder, the state folder."""

import os

from bkagent.system import private_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping


def home(environ: "Mapping[str, str]") -> str:
    """Return the user's home folder as the environment names it, or ""."""
    return environ.get("HOME") or environ.get("USERPROFILE") or ""


def temporary(environ: "Mapping[str, str]") -> str:
    """Return the folder for temporary files that the environment names, or the system's."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        if environ.get(name):
            return environ[name]
    return private_folder.system_temporary()


def state_path(environ: "Mapping[str, str]", configured: str = "") -> str:
    """Return the state folder, an absolute path that exists and is private to this user.

    `configured` wins; else `$HOME/.buildkite-agent/bkagent`; else, where HOME is missing or cannot be
    written, a folder of this user's own below the temporary one. Raises ConfigError when none can be had.
    """
    if configured:
        return private_folder.make(expand(configured, environ))
    base = home(environ)
    if base and os.path.isabs(base):
        path = os.path.join(base, ".buildkite-agent", "bkagent")
        if private_folder.can_make(path):
            return private_folder.make(path)
    return private_folder.make(os.path.join(temporary(environ), "bkagent-" + private_folder.user_tag(environ)))


def expand(text: str, environ: "Mapping[str, str]") -> str:
    """Return `text` with `$VAR` and `${VAR}` replaced, a leading `~` resolved, made absolute."""
    expanded = _variables(text, environ)
    if expanded == "~" or expanded.startswith(("~/", "~\\")):
        expanded = (private_folder.account_home() or home(environ)) + expanded[1:]
    return os.path.abspath(expanded) if expanded else ""


def expand_command(text: str, environ: "Mapping[str, str]") -> str:
    """Like `expand`, but made absolute only where that file exists, since a command may have arguments."""
    expanded = _variables(text, environ)
    if expanded == "~" or expanded.startswith(("~/", "~\\")):
        expanded = (private_folder.account_home() or home(environ)) + expanded[1:]
    absolute = os.path.abspath(expanded) if expanded else ""
    return absolute if absolute and os.path.exists(absolute) else expanded


def _variables(text: str, environ: "Mapping[str, str]") -> str:
    """Replace `$NAME` and `${NAME}`; a name that is not set becomes empty, as in a shell."""
    pieces: "list[str]" = []
    at = 0
    while True:
        dollar = text.find("$", at)
        if dollar < 0:
            return "".join(pieces) + text[at:]
        pieces.append(text[at:dollar])
        if text[dollar + 1 : dollar + 2] == "{":
            close = text.find("}", dollar)
            if close < 0:
                return "".join(pieces) + text[dollar:]
            name, at = text[dollar + 2 : close], close + 1
        else:
            at = dollar + 1
            while at < len(text) and (text[at].isalnum() or text[at] == "_"):
                at += 1
            name = text[dollar + 1 : at]
        pieces.append(environ.get(name, "") if name else "$")
