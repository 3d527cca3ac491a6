"""What the servers of Google do that give tokens (OAuth, STS, IAM, metadata), strict about what they are sent.

Signatures are checked by `cryptography`. Each token is noted with whom it is for and what it allows.
"""

from __future__ import annotations

import base64
import functools
import json
import time
from email.utils import formatdate
from typing import Any, Callable, Dict, List, NamedTuple, Optional
from urllib.parse import parse_qs

import pytest

from tests.fakes.scripted_server import Answer, Request, ScriptedServer

ACCOUNT, OTHER_ACCOUNT = "agent@project.iam.gserviceaccount.com", "deploy@project.iam.gserviceaccount.com"
AUDIENCE = "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/pool/providers/provider"
SUBJECT_TOKEN = "eyJ.subject.token"
CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN = "client.apps.example", "client-secret", "1//refresh"
CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_EXCHANGE_GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"


@functools.lru_cache(maxsize=None)
def account_key() -> Any:
    """Return the key of ACCOUNT; skips the test where `cryptography` is missing."""
    pytest.importorskip("cryptography", reason="the package cryptography is not installed")
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(65537, 2048)


def account_pem() -> str:
    """Return that key as the file of a service account has it."""
    from cryptography.hazmat.primitives import serialization

    return (
        account_key()
        .private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        .decode()
    )  # fmt: skip


class Grant(NamedTuple):
    """Whom a token is for, and what it allows."""

    subject: str
    scopes: List[str]


class GoogleAccounts:
    """The routes of a ScriptedServer, and what they have given out.

    clock_ahead_s  of these servers, against the tests' own clock
    lifetime_s     of tokens
    faults         path -> answers that are given first
    check_subject  of tokens of other providers, where these are no SUBJECT_TOKEN
    """

    def __init__(self) -> None:
        self.clock_ahead_s, self.lifetime_s = 0.0, 3600
        self.grants: Dict[str, Grant] = {}
        self.faults: Dict[str, List[Any]] = {}
        self.workload_headers: Dict[str, str] = {}
        self.check_subject: Optional[Callable[[str], None]] = None

    def routes(self) -> Dict[str, Any]:
        """Return what a server answers with."""
        handlers: Dict[str, Callable[[Request], Any]] = {
            "POST /token": self._oauth,
            "POST /v1/token": self._sts,
            f"POST /v1/projects/-/serviceAccounts/{OTHER_ACCOUNT}:generateAccessToken": self._impersonate,
            "GET /computeMetadata/v1/instance/service-accounts/default/token": self._metadata,
            "GET /": self._metadata_root,
            "GET /subject": self._subject,
        }
        return {line: functools.partial(self._answer, handler) for line, handler in handlers.items()}

    def document(self, url: str, kind: str, **members: Any) -> Dict[str, Any]:
        """Return a configuration of a kind, whose endpoints are at `url`."""
        documents: Dict[str, Dict[str, Any]] = {
            "service_account": {
                "client_email": ACCOUNT, "private_key_id": "key-1", "private_key": account_pem(),
                "token_uri": f"{url}/token", "project_id": "project",
            },
            "authorized_user": {
                "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN,
                "token_uri": f"{url}/token",
            },
            "external_account_authorized_user": {
                "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN,
                "token_url": f"{url}/v1/token",
            },
            "external_account": {
                "audience": AUDIENCE, "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
                "token_url": f"{url}/v1/token",
            },
            "impersonated_service_account": {"service_account_impersonation_url": impersonation_url(url)},
        }  # fmt: skip
        return {"type": kind, **documents[kind], **members}

    def grant_of(self, authorization: str) -> Optional[Grant]:
        """Return what an Authorization header allows, None if it is not known."""
        scheme, _, token = authorization.partition(" ")
        return self.grants.get(token) if scheme == "Bearer" else None

    def _answer(self, handler: Callable[[Request], Any], request: Request) -> Any:
        faults = self.faults.get(request.path)
        try:
            answer = faults.pop(0) if faults else handler(request)
        except Exception as problem:  # a check that failed: the test's program must not wait for an answer
            answer = Answer(400, {"error": f"{type(problem).__name__}: {problem}"})
        if isinstance(answer, Answer):
            answer.headers.setdefault("Date", formatdate(self._now(), usegmt=True))
        return answer

    def _now(self) -> float:
        return time.time() + self.clock_ahead_s

    def _give(self, subject: str, scopes: List[str]) -> Dict[str, Any]:
        token = f"ya29.{len(self.grants) + 1}"
        self.grants[token] = Grant(subject, scopes)
        return {"access_token": token, "expires_in": self.lifetime_s, "token_type": "Bearer"}

    def _oauth(self, request: Request) -> Answer:
        form = _form(request)
        if form["grant_type"] == _JWT_GRANT:
            claims = _verified_claims(form["assertion"])
            issued, expires = claims["iat"], claims["exp"]
            if not (issued <= self._now() + 5 and self._now() < expires <= issued + 3600):
                words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
                return Answer(400, {"error": "invalid_grant", "error_description": words})
            assert claims["iss"] == ACCOUNT and claims["aud"].endswith("/token"), claims
            return Answer(200, self._give(ACCOUNT, claims["scope"].split()))
        assert form["grant_type"] == "refresh_token", form
        if (form["client_id"], form["client_secret"], form["refresh_token"]) != (
            CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN,
        ):  # fmt: skip
            return Answer(400, {"error": "invalid_grant", "error_description": "Token has been revoked."})
        return Answer(200, self._give("person", []))

    def _sts(self, request: Request) -> Answer:
        form = _form(request)
        if form["grant_type"] == "refresh_token":
            basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
            assert request.headers["authorization"] == f"Basic {basic}" and form["refresh_token"] == REFRESH_TOKEN
            return Answer(200, self._give("workforce", []))
        assert form["grant_type"] == _EXCHANGE_GRANT, form
        assert form["requested_token_type"] == "urn:ietf:params:oauth:token-type:access_token"
        if self.check_subject is not None:
            self.check_subject(form["subject_token"])
        elif form["subject_token"] != SUBJECT_TOKEN or "Pools/" not in form["audience"]:
            return Answer(400, {"error": "invalid_grant", "error_description": "The given credential is rejected."})
        subject = f"workload{form['options']}" if "options" in form else "workload"
        return Answer(200, self._give(subject, form["scope"].split()))

    def _impersonate(self, request: Request) -> Answer:
        caller = self.grant_of(request.headers.get("authorization", ""))
        if caller is None or (caller.scopes and CLOUD_PLATFORM not in caller.scopes):
            return Answer(403, {"error": {"code": 403, "status": "PERMISSION_DENIED", "message": "caller unknown"}})
        asked = request.document
        subject = ">".join([caller.subject, *asked.get("delegates", []), OTHER_ACCOUNT])
        given = self._give(subject, asked["scope"])
        expires = time.gmtime(self._now() + int(asked["lifetime"].rstrip("s")))
        return Answer(
            200, {"accessToken": given["access_token"], "expireTime": time.strftime("%Y-%m-%dT%H:%M:%SZ", expires)}
        )

    def _metadata(self, request: Request) -> Answer:
        if request.headers.get("metadata-flavor") != "Google":
            return Answer(403, body=b"Missing Metadata-Flavor:Google header.")
        scopes = parse_qs(request.query)["scopes"][0].split(",")
        return Answer(200, self._give("machine", scopes), headers={"Metadata-Flavor": "Google"})

    def _metadata_root(self, request: Request) -> Answer:
        return Answer(200, body=b"computeMetadata/\n", headers={"Metadata-Flavor": "Google"})

    def _subject(self, request: Request) -> Answer:
        self.workload_headers = request.headers
        return Answer(200, {"value": SUBJECT_TOKEN})


def impersonation_url(url: str) -> str:
    """Return where OTHER_ACCOUNT's tokens come from."""
    return f"{url}/v1/projects/-/serviceAccounts/{OTHER_ACCOUNT}:generateAccessToken"


def start(accounts: GoogleAccounts) -> ScriptedServer:
    """Return a server of the accounts, for a `with` statement."""
    return ScriptedServer(accounts.routes())


def _form(request: Request) -> Dict[str, str]:
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"
    return {name: values[0] for name, values in parse_qs(request.body.decode(), strict_parsing=True).items()}


def _verified_claims(assertion: str) -> Dict[str, Any]:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    header, claims, signature = assertion.split(".")
    account_key().public_key().verify(
        _decoded(signature), f"{header}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256()
    )
    assert json.loads(_decoded(header)) == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}
    return dict(json.loads(_decoded(claims)))


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
