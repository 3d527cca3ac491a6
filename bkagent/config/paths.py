"""Where things are kept: the home folder, the temporary folder, the state folder."""

import os

from bkagent.errors import ConfigError
from bkagent.system import private_folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Mapping

    from bkagent.report import Report


def home(environ: "Mapping[str, str]") -> str:
    """Return the user's home folder as the environment names it, or ""."""
    return environ.get("HOME") or environ.get("USERPROFILE") or ""


def tilde_home(environ: "Mapping[str, str]") -> str:
    """Return the home folder that a leading `~` stands for: that of the user database, else `home`."""
    return private_folder.account_home() or home(environ)


def temporary(environ: "Mapping[str, str]") -> str:
    """Return the folder for temporary files that the environment names, or the system's."""
    for name in ("TMPDIR", "TEMP", "TMP"):
        if environ.get(name):
            return environ[name]
    return private_folder.system_temporary()


def machine_data(environ: "Mapping[str, str]") -> str:
    """Return the folder of Windows for what programs keep for the whole machine."""
    return environ.get("PROGRAMDATA") or r"C:\ProgramData"


def state_path(
    environ: "Mapping[str, str]",
    configured: str = "",
    report: "Report" = lambda level, text: None,
) -> str:
    """Return the state folder, an absolute path that exists and is private to this user.

    `configured` wins; else the first of `state_paths` that can be had; `report` is notified of those that cannot.
    Raises ConfigError when none can be had.
    """
    if configured:
        return private_folder.make(expand(configured, environ))
    *paths, last = state_paths(environ)
    for path in paths:
        try:
            return make_state(path)
        except ConfigError as error:
            report("warn", f"using the state folder {last}: {error}")
    return private_folder.make(last)


def state_paths(environ: "Mapping[str, str]") -> "List[str]":
    """Return where the state folder may be: `$HOME/.buildkite-agent/bkagent`, then this user's temporary one."""
    base = home(environ)
    at_home = [os.path.join(base, ".buildkite-agent", "bkagent")] if base and os.path.isabs(base) else []
    return [*at_home, os.path.join(temporary(environ), "bkagent-" + private_folder.user_tag(environ))]


def make_state(path: str) -> str:
    """Return one of `state_paths`, which is now private to this user. Raises ConfigError."""
    above = os.path.dirname(path)
    if os.path.basename(above) == ".buildkite-agent":
        private_folder.deny_writing(above)  # under a umask of 002 it was made so
    return private_folder.make(path)


def expand(text: str, environ: "Mapping[str, str]") -> str:
    """Return `text` with `$VAR` and `${VAR}` replaced, a leading `~` resolved, made absolute.

    Raises ConfigError for the home folder of another user, `~name`.
    """
    expanded = _expand(text, environ)
    return os.path.abspath(expanded) if expanded else ""


def expand_command(text: str, environ: "Mapping[str, str]") -> str:
    """Like `expand`, but made absolute only where that file exists, since a command may have arguments."""
    expanded = _expand(text, environ)
    absolute = os.path.abspath(expanded) if expanded else ""
    return absolute if absolute and os.path.exists(absolute) else expanded


def _expand(text: str, environ: "Mapping[str, str]") -> str:
    expanded = _expand_variables(text, environ)
    if expanded[:1] != "~":
        return expanded
    if expanded[1:2] not in ("", "/", "\\"):
        raise ConfigError(f'"{text}" names the home folder of another user; write the full path')
    return tilde_home(environ) + expanded[1:]


# Names of one character, as shells have them; here they are empty unless a variable is called so.
_SPECIAL = "*#$@!?-0123456789"
_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


def _expand_variables(text: str, environ: "Mapping[str, str]") -> str:
    """Replace `$NAME` and `${NAME}`; a name that is not set becomes empty, and so does `${` without a name or end.

    Source: Go's os.ExpandEnv.
    """
    pieces: "list[str]" = []
    at = 0
    while True:
        dollar = text.find("$", at)
        if dollar < 0:
            return "".join(pieces) + text[at:]
        pieces.append(text[at:dollar])
        at = dollar + 1
        if text[at : at + 1] == "{":
            close = text.find("}", at)
            name, at = (text[at + 1 : close], close + 1) if close >= 0 else ("", at + 1)
            pieces.append(environ.get(name, ""))
            continue
        end = at
        if text[at : at + 1] and text[at] in _SPECIAL:
            end += 1
        else:
            while end < len(text) and text[end] in _LETTERS:
                end += 1
        pieces.append(environ.get(text[at:end], "") if end > at else "$")
        at = end
