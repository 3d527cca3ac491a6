"""Signatures version 4, against the vectors that AWS publishes and against botocore."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from pathlib import Path
from typing import Any, Dict, List, Tuple
from urllib.parse import unquote

import pytest

from bkagent.cloud.aws import signature
from bkagent.cloud.aws.credentials import AwsCredentials
from bkagent.cloud.aws.signature import Scope, SignableRequest
from bkagent.config.secret import Secret
from bkagent.wire import timestamps
from tests.fakes import store_emulators

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "aws_signature_v4.json").read_text(encoding="utf-8"))
SCOPE = Scope(VECTORS["region"], VECTORS["service"])
NOW_S = timestamps.moment_of(VECTORS["time"]) or 0.0
# Signs what comes as a JSON line, by botocore; prints (Authorization, query of the presigned URL).
_BOTOCORE = """
import json, sys
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
import botocore.auth, botocore.compat, datetime
class Fixed(datetime.datetime):
    @classmethod
    def utcnow(cls): return cls(2026, 11, 30, 19, 5, 7)
    @classmethod
    def now(cls, tz=None): return cls(2026, 11, 30, 19, 5, 7, tzinfo=tz)
datetime.datetime = Fixed
botocore.auth.datetime = datetime
try:
    botocore.auth.get_current_datetime = lambda remove_tzinfo=True: Fixed(2026, 11, 30, 19, 5, 7)
except AttributeError:
    pass
for line in sys.stdin:
    case = json.loads(line)
    keys = Credentials(case["key_id"], case["secret"], case["token"] or None)
    request = AWSRequest(method=case["method"], url=case["url"], headers=case["headers"], data=case["body"].encode())
    S3SigV4Auth(keys, "s3", case["region"]).add_auth(request)
    presigned = AWSRequest(method=case["method"], url=case["url"])
    S3SigV4QueryAuth(keys, "s3", case["region"], expires=3600).add_auth(presigned)
    print(json.dumps([request.headers["Authorization"], presigned.url.partition("?")[2]]))
"""
_BOTOCORE_NOW_S = timestamps.moment_of("2026-11-30T19:05:07Z") or 0.0


def _sha256(body: str) -> str:
    return hashlib.sha256(body.encode()).hexdigest()


def _request(case: Dict[str, Any], has_headers: bool = True) -> SignableRequest:
    path, _, query = case["target"].partition("?")
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    headers = {name: text for name, text in case["headers"].items() if name != "Host"}
    digest = _sha256(case["body"])
    if case["signs_body"] and has_headers:
        headers["x-amz-content-sha256"] = digest
    return SignableRequest(
        case["method"], case["headers"]["Host"], path,
        [(unquote(name), unquote(text)) for name, _, text in pairs], headers, digest,
    )  # fmt: skip


def _credentials(case: Dict[str, Any]) -> AwsCredentials:
    return AwsCredentials(VECTORS["access_key_id"], Secret(VECTORS["secret_access_key"]), Secret(case["session_token"]))


@pytest.mark.parametrize("case", VECTORS["cases"], ids=[case["name"] for case in VECTORS["cases"]])
def test_signatures_in_headers_are_those_of_the_vectors(case: Dict[str, Any]) -> None:
    headers = signature.sign(_request(case), _credentials(case), SCOPE, NOW_S)
    assert headers["Authorization"].rpartition("Signature=")[2] == case["header_signature"]


@pytest.mark.parametrize("case", VECTORS["cases"], ids=[case["name"] for case in VECTORS["cases"]])
def test_signatures_in_queries_are_those_of_the_vectors(case: Dict[str, Any]) -> None:
    query = dict(signature.presign(_request(case, False), _credentials(case), SCOPE, NOW_S, case["expires_s"]))
    assert query["X-Amz-Signature"] == case["query_signature"]


def test_random_requests_are_signed_as_botocore_signs_them() -> None:
    """Paths with odd names, queries, headers, bodies, keys with and without a session token."""
    chance = random.Random(20261130)
    cases = [_random_case(chance) for _ in range(200)]
    text = "".join(json.dumps(case) + "\n" for case in cases)
    done = subprocess.run(
        [store_emulators.python(), "-c", _BOTOCORE],
        input=text.encode(),
        stdout=subprocess.PIPE,
        check=True,
        timeout=120,
    )
    expected = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(expected) == len(cases)
    for case, (authorization, query) in zip(cases, expected):
        assert _signed(case) == (authorization, sorted(query.split("&"))), case


def _random_case(chance: random.Random) -> Dict[str, Any]:
    letters = "abcXYZ019 -_.~+%&=?#/:@!$'()*,;[]|^`{}\"<>\\äß漢🙂\x7f"

    def word(most: int) -> str:
        return "".join(chance.choice(letters) for _ in range(chance.randint(1, most)))

    key = "/bucket/" + word(20)
    query = [(f"k{number}{word(3)}", word(6)) for number in range(chance.randint(0, 3))]
    escaped = signature.escaped_query(query)
    host = chance.choice(["s3.eu-west-1.amazonaws.com", "127.0.0.1:9000", "bucket.s3.amazonaws.com"])
    return {
        "method": chance.choice(["GET", "PUT", "POST", "DELETE", "HEAD"]), "host": host, "path": key, "query": query,
        "url": f"https://{host}{signature.escaped_path(key)}" + (f"?{escaped}" if escaped else ""),
        "headers": {"x-amz-acl": "private", "Content-Type": chance.choice(["text/plain", "a/b;  c=d"])},
        "body": "x" * chance.randint(0, 9), "region": chance.choice(["eu-west-1", "us-east-1"]),
        "key_id": "AKIDEXAMPLE", "secret": word(30), "token": chance.choice(["", word(20)]),
    }  # fmt: skip


def _signed(case: Dict[str, Any]) -> "Tuple[str, List[str]]":
    keys = AwsCredentials(case["key_id"], Secret(case["secret"]), Secret(case["token"]))
    scope = Scope(case["region"], "s3")
    digest, unsigned = _sha256(case["body"]), signature.UNSIGNED_PAYLOAD
    headers = {**case["headers"], "x-amz-content-sha256": digest}
    request = SignableRequest(case["method"], case["host"], case["path"], case["query"], headers, digest)
    bare = SignableRequest(case["method"], case["host"], case["path"], case["query"], {}, unsigned)
    signed = signature.sign(request, keys, scope, _BOTOCORE_NOW_S)
    query = signature.escaped_query(signature.presign(bare, keys, scope, _BOTOCORE_NOW_S, 3600))
    return signed["Authorization"], sorted(query.split("&"))
