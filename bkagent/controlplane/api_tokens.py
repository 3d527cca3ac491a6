"""The tokens that people and programs have: what each is good for, and whose it is.

Every data folder has two of its own. Each that is created besides is a file named after its id, in a folder for these.
It holds the SHA-256 of the secret, so that nobody who reads it can act as the token's owner. These are files and no
table, because tokens are created and revoked while a server runs, which has the store to itself; it sees the change at
the next request.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import secrets
import threading
import time
import uuid
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Mapping, Optional, Tuple

from bkagent.controlplane.errors import NotFound
from bkagent.controlplane.records import new_id
from bkagent.controlplane.tokens import AGENT, API, Tokens
from bkagent.errors import WireError
from bkagent.system import durable, private_folder
from bkagent.wire.reader import Reader

# What a token of the REST API may be good for. Source: the scopes of the reference service, as far as they are served.
SCOPES = (
    "read_agents", "write_agents", "read_pipelines", "write_pipelines", "read_builds", "write_builds", "read_job_env",
    "read_build_logs", "write_build_logs", "read_artifacts", "write_artifacts", "read_organizations", "read_user",
    "read_clusters",
)  # fmt: skip
KIND_API, KIND_AGENT = "api", "agent"
_PREFIXES = {KIND_API: "bkua_", KIND_AGENT: "bkct_"}  # the reference service's
_PERSON = re.compile(r"(?P<name>[^<>]*[^<>\s])\s*(?:<(?P<email>[^<>\s@]+@[^<>\s@]+)>)?")
_FOLDER = "created"
_SUFFIX = ".json"
# A change within this time of another one may leave the folder's time as it was: file systems count in steps.
_TIME_STEP_NS = 50_000_000


@dataclass(frozen=True)
class Person:
    """Who owns a token: a name, and an e-mail address or ""."""

    name: str
    email: str = ""

    @classmethod
    def from_text(cls, text: str) -> Optional["Person"]:
        """Read "NAME" or "NAME <EMAIL>"; return None for anything else."""
        match = _PERSON.fullmatch(text.strip())
        return cls(match["name"].strip(), match["email"] or "") if match else None

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>" if self.email else self.name

    def to_wire(self) -> Dict[str, str]:
        """Return it as records keep it."""
        return {"name": self.name, "email": self.email} if self.name or self.email else {}

    @property
    def id(self) -> str:
        """Return an id that is the same for the same person."""
        return str(uuid.UUID(_digest(f"person {self.name}\0{self.email}")[:32]))


OPERATOR = Person("bkagent")  # owns the tokens of the folder itself


@dataclass(frozen=True)
class ApiToken:
    """A token without its secret.

    kind        KIND_API: for the REST API, within `scopes`; KIND_AGENT: registers agents, and has no scopes
    digest      SHA-256 of the secret, in hexadecimal digits; "" for a token of the folder itself
    created_at  Unix seconds; 0 where that is not known. `expires_at` likewise, whole ones: 0 for never
    """

    id: str
    kind: str
    name: str
    owner: Person
    scopes: Tuple[str, ...] = ()
    digest: str = ""
    created_at: float = 0.0
    expires_at: int = 0

    def has_expired(self, now: float) -> bool:
        """Say whether its time is over."""
        return bool(self.expires_at) and self.expires_at <= now

    def to_wire(self) -> Dict[str, Any]:
        """Return the document of its file."""
        return {
            "id": self.id, "kind": self.kind, "name": self.name, "owner": self.owner.to_wire(),
            "scopes": list(self.scopes), "sha256": self.digest, "created_at": self.created_at,
            "expires_at": self.expires_at,
        }  # fmt: skip

    @classmethod
    def from_wire(cls, document: object) -> "ApiToken":
        """Check and convert a decoded file. Raises WireError."""
        read = Reader(document, "token")
        owner = read.inner("owner") or Reader({}, "owner")
        return cls(
            id=read.name("id"), kind=read.text("kind"), name=read.text("name", ""),
            owner=Person(owner.text("name", ""), owner.text("email", "")), scopes=tuple(read.texts("scopes")),
            digest=read.text("sha256"), created_at=read.seconds("created_at", 0.0),
            expires_at=read.whole("expires_at", 0, low=0),
        )  # fmt: skip


class ApiTokens:
    """Who may use the REST API, and who may register agents, by the secret of a token.

    That is the two tokens of the data folder, which have every right, and those that were created. Safe for any thread,
    and beside other processes.
    """

    def __init__(self, tokens: Tokens, clock: Callable[[], float] = time.time) -> None:
        """Make the folder of those that are created. Raises ConfigError."""
        self._folder = private_folder.make(os.path.join(tokens.folder, _FOLDER), tokens.folder)
        self._tokens, self._clock = tokens, clock
        self._lock = threading.Lock()
        self._seen_ns = -1
        self._by_digest: Mapping[str, ApiToken] = {}

    def create(
        self, name: str, owner: Person, *, kind: str = KIND_API, scopes: Tuple[str, ...] = SCOPES, expires_at: int = 0
    ) -> Tuple[ApiToken, str]:
        """Make a token; return it and its secret, which nothing keeps. Raises OSError."""
        secret = _PREFIXES[kind] + secrets.token_hex(20)
        token = ApiToken(
            id=new_id(), kind=kind, name=name, owner=owner, scopes=scopes if kind == KIND_API else (),
            digest=_digest(secret), created_at=self._clock(), expires_at=expires_at,
        )  # fmt: skip
        durable.replace_file(self._path(token.id), json.dumps(token.to_wire()).encode("ascii") + b"\n")
        return token, secret

    def created(self) -> List[ApiToken]:
        """Return those that were created and can be read, the oldest first, expired ones too. Raises OSError."""
        paths = [os.path.join(self._folder, name) for name in os.listdir(self._folder) if name.endswith(_SUFFIX)]
        tokens = [token for token in map(_read, paths) if token is not None]
        return sorted(tokens, key=lambda token: (token.created_at, token.id))

    def person(self, person_id: object) -> Optional[Person]:
        """Return the owner of a token whose id that is."""
        owners = [OPERATOR, *(token.owner for token in self._current().values())]
        return next((owner for owner in owners if owner.id == person_id), None)

    def revoke(self, token_id: str) -> None:
        """Make a token invalid from this moment on; one of the folder itself is made anew. Raises NotFound, OSError."""
        own = {_id_of(self._tokens.api): API, _id_of(self._tokens.agent): AGENT}
        if token_id in own:
            path = self._tokens.path(own[token_id])
        elif any(token.id == token_id for token in self.created()):
            path = self._path(token_id)
        else:
            raise NotFound("No token found")
        try:
            os.unlink(path)
        except FileNotFoundError:  # revoked by another at the same time
            raise NotFound("No token found") from None

    def by_secret(self, secret: str, kind: str) -> Optional[ApiToken]:
        """Return the valid token of this kind whose secret that is."""
        if kind == KIND_API and self._tokens.is_api(secret):
            return ApiToken(_id_of(secret), kind, "The token of this control plane", OPERATOR, SCOPES)
        if kind == KIND_AGENT and self._tokens.is_agent(secret):
            return ApiToken(_id_of(secret), kind, "The agent token of this control plane", OPERATOR)
        if not secret.startswith(_PREFIXES[kind]):
            return None
        token = self._current().get(_digest(secret))
        return token if token is not None and token.kind == kind and not token.has_expired(self._clock()) else None

    def _path(self, token_id: str) -> str:
        return os.path.join(self._folder, token_id + _SUFFIX)

    def _current(self) -> Mapping[str, ApiToken]:
        """Return the created tokens by their digests; none where the folder cannot be read."""
        with self._lock:
            try:
                changed_ns = os.stat(self._folder).st_mtime_ns
                if changed_ns != self._seen_ns:
                    self._by_digest = {token.digest: token for token in self.created()}
                    is_settled = time.time_ns() - changed_ns > _TIME_STEP_NS
                    self._seen_ns = changed_ns if is_settled else -1
            except OSError:
                self._seen_ns, self._by_digest = -1, {}
            return self._by_digest


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def _id_of(secret: str) -> str:
    """Return an id for a token of the folder itself, which reveals nothing of it."""
    return str(uuid.UUID(hashlib.sha256(b"id of " + secret.encode("utf-8", "replace")).hexdigest()[:32]))


def _read(path: str) -> Optional[ApiToken]:
    """Return the token in a file; None where there is none, as after it was revoked, or something else."""
    try:
        with open(path, encoding="utf-8") as file:
            return ApiToken.from_wire(json.load(file))
    except (OSError, ValueError, WireError):
        return None
