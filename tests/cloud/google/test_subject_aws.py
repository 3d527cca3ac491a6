"""The credentials of AWS, exchanged at Google's STS, which checks the signature of the request by itself."""

import hashlib
import hmac
import json
from urllib.parse import unquote_plus

import pytest

from bkagent.errors import ConfigError
from tests.cloud.google.test_credentials import SCOPE, Client, accounts, external, server  # noqa: F401
from tests.fakes.google_accounts import AUDIENCE, Grant

KEY_ID, KEY, SESSION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "session-token"
ENVIRON = {
    "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY, "AWS_SESSION_TOKEN": SESSION, "AWS_REGION": "eu-west-1",
}  # fmt: skip


def check(token):
    """Compute the signature of a request anew, as AWS does."""
    request = json.loads(unquote_plus(token))
    host = "sts.eu-west-1.amazonaws.com"
    assert request["method"] == "POST"
    assert request["url"] == f"https://{host}?Action=GetCallerIdentity&Version=2011-06-15"
    headers = {pair["key"].lower(): pair["value"] for pair in request["headers"]}
    assert headers["host"] == host and headers["x-goog-cloud-target-resource"] == AUDIENCE
    assert headers["x-amz-security-token"] == SESSION
    date = headers["x-amz-date"]
    scope = f"{date[:8]}/eu-west-1/sts/aws4_request"
    names = sorted(name for name in headers if name != "authorization")
    lines = "".join(f"{name}:{headers[name]}\n" for name in names)
    canonical = "\n".join(
        ("POST", "/", "Action=GetCallerIdentity&Version=2011-06-15", lines, ";".join(names), sha256(b""))
    )
    key = b"AWS4" + KEY.encode()
    for word in (*scope.split("/"), f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{sha256(canonical.encode())}"):
        key = hmac.new(key, word.encode(), hashlib.sha256).digest()
    assert headers["authorization"] == (
        f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{scope}, SignedHeaders={';'.join(names)}, Signature={key.hex()}"
    )


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def test_a_request_signed_for_aws_is_exchanged(accounts, server, tmp_path):  # noqa: F811
    source = {"environment_id": "aws1"}
    document = external(accounts, server, source, subject_token_type="urn:ietf:params:aws:token-type:aws4_request")
    client = Client(tmp_path, **ENVIRON)
    accounts.check_subject = check
    assert accounts.grants[client.token(document)] == Grant("workload", [SCOPE])
    for wrong in (
        {"environment_id": "aws2"},
        {"environment_id": "aws1", "regional_cred_verification_url": "http://x/"},
    ):
        with pytest.raises(ConfigError, match="environment_id must be aws1|must be an https:// URL"):
            client.token({**document, "credential_source": wrong})
