"""The URL of the server of a data folder, and how to log in to its pages: files that it keeps there while it runs.

A server that was killed leaves them behind. They count only while its lock on the folder is held: on its port another
user's program may listen by now, which must not be sent a token.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from bkagent.controlplane.login import links
from bkagent.errors import ConfigError
from bkagent.system import durable, file_lock, private_folder
from bkagent.version import program_name

LOCK = "lock"
_URL = "server.url"
_LOGIN = os.path.join("tokens", "login")
_LIMIT_BYTES = 4096


@dataclass(frozen=True)
class Login:
    """How to log in to the running server: `url` as others reach it; `key` makes login links, "" for open pages."""

    url: str
    key: str

    def link(self, api_token: str, now: float) -> str:
        """Return a URL that leads to the pages, a single time within ten minutes unless they are open."""
        if not self.key:
            return self.url + "/"
        return links.link(self.url, links.make_secret(self.key, api_token, now))


def note(folder: str, url: str, login: Login) -> None:
    """Write the URL, for programs on this machine, and the login to the data folder. Raises ConfigError."""
    note_login(folder, login)
    _write(folder, _URL, url + "\n")


def note_login(folder: str, login: Login) -> None:
    """Write only the login, for a server that other programs shall not send builds to. Raises ConfigError."""
    _write(folder, _LOGIN, f"{login.url}\n{login.key}\n")


def forget(folder: str) -> None:
    """Remove the files. The caller holds the lock of the folder."""
    for name in (_URL, _LOGIN):
        try:
            os.unlink(os.path.join(folder, name))
        except OSError:
            pass


def read(folder: str) -> str:
    """Return the URL of the server that runs on the folder, or ""."""
    return _read(folder, _URL).strip() if _is_running(folder) else ""


def read_login(folder: str) -> Login:
    """Return how to log in to the running server. Raises ConfigError."""
    private_folder.check(folder, "data folder")
    lines = _read(folder, _LOGIN).split("\n") if _is_running(folder) else []
    if len(lines) < 2:
        raise ConfigError(f"no server runs on the data folder {folder}; start one with `{program_name()} server`")
    return Login(lines[0], lines[1])


def _is_running(folder: str) -> bool:
    try:
        return file_lock.is_held(os.path.join(folder, LOCK))
    except OSError as error:
        raise ConfigError(f"cannot read the data folder {folder}: {error.strerror}") from None


def _write(folder: str, name: str, text: str) -> None:
    path = os.path.join(folder, name)
    try:
        durable.replace_file(path, text.encode("ascii", "replace"), to_disk=False)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from None


def _read(folder: str, name: str) -> str:
    try:
        with open(os.path.join(folder, name), encoding="ascii", errors="replace") as file:
            return file.read(_LIMIT_BYTES)
    except OSError:
        return ""
