"""Tokens: the agents' and the REST API's in a file each, those of sessions and jobs made from one secret.

A session's or a job's token names its owner and proves it with a keyed hash, so none of them is stored, and
asking twice gives the same token. All are compared in constant time. A token whose file is replaced or removed is
invalid from that moment on; a removed file is made again with a new token.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from typing import Optional, Tuple

from bkagent.errors import ConfigError
from bkagent.system import durable, private_folder

AGENT, API, SIGNING = "agent", "api", "signing"
SESSION_PREFIX, JOB_PREFIX = "bkaa_", "bkaj_"


class Tokens:
    """The tokens of one data folder; missing files are made."""

    def __init__(self, folder: str) -> None:
        """Read or make the files. Raises ConfigError where one cannot be made or is empty."""
        self.folder = private_folder.make(folder, os.path.dirname(folder))
        self._agent = _TokenFile(self.path(AGENT), "bkar_")
        self._api = _TokenFile(self.path(API), "bkua_")
        self._secret = _TokenFile(self.path(SIGNING), "").text.encode()

    @property
    def agent(self) -> str:
        """Return the token that registers agents, as its file has it now; "" where that cannot be read."""
        return self._agent.current()

    @property
    def api(self) -> str:
        """Return the token of the REST API and the pages, as its file has it now; "" where that cannot be read."""
        return self._api.current()

    def path(self, name: str) -> str:
        """Return the path of the file that holds the token "agent" or "api"."""
        return os.path.join(self.folder, name)

    def is_agent(self, text: str) -> bool:
        """Say whether this is the token that registers agents."""
        return _same(text, self.agent)

    def is_api(self, text: str) -> bool:
        """Say whether this is the token of the REST API."""
        return _same(text, self.api)

    def of_session(self, agent_id: str) -> str:
        """Return the token of an agent's session."""
        return f"{SESSION_PREFIX}{agent_id}_{self._mark('session', agent_id)}"

    def of_job(self, job_id: str, agent_id: str) -> str:
        """Return the token of a job while this agent has it."""
        return f"{JOB_PREFIX}{job_id}_{self._mark('job', job_id, agent_id)}"

    def owner(self, prefix: str, text: str) -> str:
        """Return the id that a token claims to belong to, which proves nothing yet, or ""."""
        rest = text[len(prefix) :] if text.startswith(prefix) else ""
        return rest.rpartition("_")[0]

    def is_session(self, text: str, agent_id: str) -> bool:
        """Say whether this is the token of the agent's session."""
        return _same(text, self.of_session(agent_id))

    def is_job(self, text: str, job_id: str, agent_id: str) -> bool:
        """Say whether this is the token of the job, handed out to this agent."""
        return bool(agent_id) and _same(text, self.of_job(job_id, agent_id))

    def ticket(self, purpose: str, id: str) -> str:
        """Return a text that proves, in a URL, the permission to do one thing with one object."""
        return self._mark("ticket", purpose, id)

    def is_ticket(self, text: str, purpose: str, id: str) -> bool:
        """Say whether the ticket is for this."""
        return _same(text, self.ticket(purpose, id))

    def _mark(self, *parts: str) -> str:
        return hmac.new(self._secret, "\0".join(parts).encode("utf-8", "replace"), hashlib.sha256).hexdigest()


class _TokenFile:
    """A file that holds one token. Raises ConfigError when it cannot be made or is empty."""

    def __init__(self, path: str, prefix: str) -> None:
        self._path, self._prefix = path, prefix
        self._seen: Optional[Tuple[int, ...]] = None
        self.text = ""
        self._load()

    def current(self) -> str:
        """Return the token that the file holds now, "" if that cannot be read."""
        if self._seen is None or self._seen != _version(self._path):
            try:
                self._load()
            except ConfigError:
                self._seen, self.text = None, ""
        return self.text

    def _load(self) -> None:
        version, text = _version(self._path), _read(self._path)
        if text is None:
            self._make()
            version, text = _version(self._path), _read(self._path)
        if not text:
            raise ConfigError(f"the token file {self._path} is empty; remove it to have a new one made")
        self._seen, self.text = version, text

    def _make(self) -> None:
        # Written aside and renamed in, so that no reader sees half a token.
        try:
            durable.replace_file(self._path, f"{self._prefix}{secrets.token_hex(32)}\n".encode("ascii"))
        except OSError as error:
            raise ConfigError(f"cannot write the token file {self._path}: {error.strerror}") from error


def _version(path: str) -> Optional[Tuple[int, ...]]:
    """Return what differs between two contents of a file; None where there is no file."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns, status.st_size


def _read(path: str) -> Optional[str]:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().strip()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the token file {path}: {error}") from error


def _same(text: str, token: str) -> bool:
    return bool(token) and hmac.compare_digest(text.encode("utf-8", "replace"), token.encode())
