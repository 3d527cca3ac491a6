"""Signatures of requests to AWS, version 4: in headers, or in the query of a URL that others may then use.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html, whose names these are.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Dict, List, Mapping, Sequence, Tuple
from urllib.parse import quote

from bkagent.cloud.aws.credentials import AwsCredentials

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()
# Proxies and our own HTTP client add or change these.
_NOT_SIGNED = frozenset(("accept-encoding", "connection", "expect", "transfer-encoding", "user-agent"))

Query = Sequence[Tuple[str, str]]


@dataclass(frozen=True)
class Scope:
    """What a signature is valid for: "eu-west-1", "s3"."""

    region: str
    service: str


@dataclass(frozen=True)
class SignableRequest:
    """What of a request is signed.

    host            with its port, if that is not the scheme's own
    path            without escapes; it is sent as `escaped_path` returns it
    query           without escapes, too
    payload_sha256  of the body, in hex, or UNSIGNED_PAYLOAD
    """

    method: str
    host: str
    path: str
    query: Query
    headers: Mapping[str, str]
    payload_sha256: str = EMPTY_SHA256


def escaped_path(path: str) -> str:
    """Return a path as requests and signatures have it: all but slashes and what is unreserved in URLs is escaped."""
    return quote(path.encode("utf-8", "surrogateescape"), safe="/-_.~")


def escaped_query(query: Query) -> str:
    """Return a query as requests and signatures have it, in the order of its escaped names."""
    return "&".join(f"{name}={text}" for name, text in sorted((_escaped(name), _escaped(text)) for name, text in query))


def sign(request: SignableRequest, credentials: AwsCredentials, scope: Scope, now_s: float) -> Dict[str, str]:
    """Return all headers to send with a request. `now_s` is in seconds since the epoch, by the server's clock."""
    headers = {**request.headers, "X-Amz-Date": _timestamp(now_s)}
    if credentials.session_token:
        headers["X-Amz-Security-Token"] = credentials.session_token.reveal()
    names, lines = _canonical_headers({**headers, "host": request.host})
    text = _canonical_request(request, request.query, lines, names)
    signature = _signature(text, credentials, scope, now_s)
    headers["Authorization"] = (
        f"{ALGORITHM} Credential={credentials.access_key_id}/{_scope_text(scope, now_s)}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return headers


def presign(
    request: SignableRequest, credentials: AwsCredentials, scope: Scope, now_s: float, lifetime_s: int
) -> List[Tuple[str, str]]:
    """Return the query with which a request is valid for so many seconds, without further headers than `host`."""
    names, lines = _canonical_headers({**request.headers, "host": request.host})
    query = [
        *request.query,
        ("X-Amz-Algorithm", ALGORITHM),
        ("X-Amz-Credential", f"{credentials.access_key_id}/{_scope_text(scope, now_s)}"),
        ("X-Amz-Date", _timestamp(now_s)),
        ("X-Amz-Expires", str(lifetime_s)),
        ("X-Amz-SignedHeaders", names),
    ]
    if credentials.session_token:
        query.append(("X-Amz-Security-Token", credentials.session_token.reveal()))
    text = _canonical_request(request, query, lines, names)
    return [*query, ("X-Amz-Signature", _signature(text, credentials, scope, now_s))]


def _canonical_request(request: SignableRequest, query: Query, header_lines: str, names: str) -> str:
    path, query_text = escaped_path(request.path) or "/", escaped_query(query)
    return "\n".join((request.method, path, query_text, header_lines, names, request.payload_sha256))


def _canonical_headers(headers: Mapping[str, str]) -> Tuple[str, str]:
    """Return (names of signed headers, their lines)."""
    lower = {name.lower(): " ".join(text.split()) for name, text in headers.items()}
    names = sorted(name for name in lower if name not in _NOT_SIGNED)
    return ";".join(names), "".join(f"{name}:{lower[name]}\n" for name in names)


def _signature(canonical_request: str, credentials: AwsCredentials, scope: Scope, now_s: float) -> str:
    hashed = hashlib.sha256(canonical_request.encode("utf-8", "surrogateescape")).hexdigest()
    text = "\n".join((ALGORITHM, _timestamp(now_s), _scope_text(scope, now_s), hashed))
    key = b"AWS4" + credentials.secret_access_key.reveal().encode("utf-8")
    for part in (_timestamp(now_s)[:8], scope.region, scope.service, "aws4_request"):
        key = hmac.new(key, part.encode("utf-8"), hashlib.sha256).digest()
    return hmac.new(key, text.encode("utf-8"), hashlib.sha256).hexdigest()


def _scope_text(scope: Scope, now_s: float) -> str:
    return f"{_timestamp(now_s)[:8]}/{scope.region}/{scope.service}/aws4_request"


def _timestamp(now_s: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))


def _escaped(text: str) -> str:
    return quote(text.encode("utf-8", "surrogateescape"), safe="-_.~")
