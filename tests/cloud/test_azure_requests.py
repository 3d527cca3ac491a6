"""Signing of requests to Azure's storage: by Microsoft's documented examples, and what is refused by name."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from urllib.parse import parse_qsl, urlsplit

import pytest

from bkagent.cloud.azure import connection_string, storage_error
from bkagent.cloud.azure.shared_access_signature import SharedAccessSignature
from bkagent.cloud.azure.shared_key import SharedKey, request_text
from bkagent.config.secret import Secret
from bkagent.errors import ConfigError, Refused, Unavailable
from bkagent.transport.client.response import Headers, Response

KEY = base64.b64encode(b"a key of the tests").decode()


def test_the_text_of_a_request_is_that_of_the_documented_example() -> None:
    """https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key"""
    query = [("restype", "container"), ("comp", "metadata"), ("timeout", "20")]
    headers = {"x-ms-version": "2015-02-21", "x-ms-date": "Fri, 26 Jun 2015 23:39:12 GMT", "Content-Length": "0"}
    assert request_text("myaccount", "GET", "/mycontainer", query, headers) == (
        "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:Fri, 26 Jun 2015 23:39:12 GMT\nx-ms-version:2015-02-21\n"
        "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"
    )


def test_the_resource_of_a_list_with_several_values_is_that_of_the_documented_example() -> None:
    query = [
        ("comp", "list"),
        ("restype", "container"),
        ("include", "snapshots"),
        ("include", "metadata"),
        ("include", "uncommittedblobs"),
    ]
    text = request_text("myaccount", "GET", "/mycontainer", query, {})
    assert text.endswith(
        "/myaccount/mycontainer\ncomp:list\ninclude:metadata,snapshots,uncommittedblobs\nrestype:container"
    )


def test_every_signed_header_has_its_place_and_the_date_of_azure_takes_that_of_http() -> None:
    headers = {
        "Content-Encoding": "gzip", "Content-Language": "de", "Content-Length": "7", "Content-MD5": "m",
        "Range": "bytes=1-",
        "Content-Type": "a/b", "Date": "never", "If-Match": "e", "x-ms-date": "now", "If-None-Match": "n",
        "If-Modified-Since": "s", "If-Unmodified-Since": "u", "User-Agent": "unsigned",
    }  # fmt: skip
    lines = request_text("a", "PUT", "/c/b", [], headers).split("\n")
    assert lines == [
        "PUT",
        "gzip",
        "de",
        "7",
        "m",
        "a/b",
        "",
        "s",
        "e",
        "n",
        "u",
        "bytes=1-",
        "x-ms-date:now",
        "/a/c/b",
    ]


def test_an_authorization_is_the_hmac_of_the_text() -> None:
    key = SharedKey.read("a", KEY, "the tests")
    mac = hmac.new(b"a key of the tests", request_text("a", "GET", "/c", [], {}).encode(), hashlib.sha256).digest()
    assert key.authorization("GET", "/c", [], {}) == f"SharedKey a:{base64.b64encode(mac).decode()}"
    assert KEY not in repr(key)


def test_a_link_says_what_it_signs() -> None:
    key = SharedKey.read("a", KEY, "the tests")
    link = key.read_link("https://a.blob.core.windows.net/c/d%2Fe", "c", "d/e", 1_700_000_000.0)
    fields = dict(parse_qsl(urlsplit(link).query))
    assert {name: fields[name] for name in ("se", "sp", "sr")} == {"se": "2023-11-14T22:13:20Z", "sp": "r", "sr": "b"}
    text = "\n".join(["r", "", fields["se"], "/blob/a/c/d/e", "", "", "", fields["sv"], "b", *[""] * 7])
    assert fields["sig"] == key.sign(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        (f"AccountName=a;AccountKey={KEY}", "https://a.blob.core.windows.net"),
        (f"DefaultEndpointsProtocol=http;AccountName=a;AccountKey={KEY};EndpointSuffix=x.test;", "http://a.blob.x.test"),
        (f"BlobEndpoint=http://127.0.0.1:1/a/;accountname=a;ACCOUNTKEY={KEY}", "http://127.0.0.1:1/a"),
        (f"QueueEndpoint=https://q;AccountName=a;AccountKey={KEY};BlobEndpoint=https://b.test", "https://b.test"),
        ("BlobEndpoint=https://b.test;SharedAccessSignature=?sv=1&sig=s%3D", "https://b.test"),
        ("AccountName=a;SharedAccessSignature=sv=1&sig=s", "https://a.blob.core.windows.net"),
        ("UseDevelopmentStorage=true", "http://127.0.0.1:10000/devstoreaccount1"),
        ("UseDevelopmentStorage=true;DevelopmentStorageProxyUri=http://h", "http://h:10000/devstoreaccount1"),
    ],
)  # fmt: skip
def test_a_connection_string_says_where_the_service_is(text: str, endpoint: str) -> None:
    access = connection_string.parse(text, "X")
    assert access.endpoint == endpoint
    assert KEY not in repr(access) and "sig" not in repr(access)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "not a connection string"),
        (KEY.rstrip("="), "not a connection string"),
        (f"AccountKey={KEY}", "AccountName or BlobEndpoint"),
        ("AccountName=a", "AccountKey, or SharedAccessSignature"),
        ("AccountName=a;AccountKey=no%base64", "is not base64"),
        ("AccountName=a;SharedAccessSignature=sp=r", "no valid shared access signature"),
        (f"DefaultEndpointsProtocol=ftp;AccountName=a;AccountKey={KEY}", "DefaultEndpointsProtocol"),
        (f"BlobEndpoint=nowhere;AccountName=a;AccountKey={KEY}", "BlobEndpoint"),
    ],
)
def test_a_malformed_connection_string_is_refused_by_the_part_that_is_wrong(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refusal:
        connection_string.parse(text, "THE_VARIABLE")
    assert "THE_VARIABLE" in str(refusal.value) and KEY.rstrip("=") not in str(refusal.value)


def test_connection_strings_at_random_are_read_or_refused() -> None:
    chance = random.Random(19)
    pieces = ["AccountName", "AccountKey", "BlobEndpoint", "=", ";", "?", "a", KEY, "https://", "\x00", "ü", "[", " "]
    for _ in range(3000):
        text = "".join(chance.choice(pieces) for _ in range(chance.randrange(12)))
        try:
            connection_string.parse(text, "X")
        except ConfigError:
            pass


def test_a_signature_that_has_expired_is_refused_before_it_is_used() -> None:
    signature = SharedAccessSignature.read("?sv=1&se=2020-01-01T00:00:00Z&sig=s", "X")
    with pytest.raises(ConfigError, match="expired at 2020-01-01"):
        signature.check_lifetime(1_700_000_000.0)
    signature.check_lifetime(1_500_000_000.0)
    SharedAccessSignature(Secret("x"), "").check_lifetime(1e12)


def answer(status: int, body: bytes, **headers: str) -> Response:
    return Response(status, Headers([(name.replace("_", "-"), value) for name, value in headers.items()]), body)


NOT_AZURE = "the answer is not Azure's, which would have named an error code"
MOVED = "the storage must not redirect; the destination must name the account's own address"
XML = b'\xef\xbb\xbf<?xml version="1.0"?><Error><Code>%s</Code><Message>%s\nRequestId:1\nTime:2</Message></Error>'


@pytest.mark.parametrize(
    ("response", "text"),
    [
        (answer(403, XML % (b"AuthorizationFailure", b"Not &lt;you&gt;.")), "403 AuthorizationFailure: Not <you>."),
        (answer(404, b"", x_ms_error_code="BlobNotFound"), "404 BlobNotFound"),
        (
            answer(403, XML % (b"AuthenticationFailed", b"Server failed.\nRequestId:1")),
            "403 AuthenticationFailed: Server failed; check the account key, or the shared access signature",
        ),
        (answer(403, b"<html><Code>a b</Code>secret"), f"403: {NOT_AZURE}"),
        (answer(403, XML % (b"A" * 500, b"x")), f"403: {NOT_AZURE}"),
        (answer(403, XML % (b"Bad", b"a\x1b[31m")), f"403: {NOT_AZURE}"),
        (answer(301, b"", Location="https://evil.test"), f"301: {MOVED}"),
        (answer(400, XML % (b"Bad", b"a\xc2\x9b31m" + b"b" * 1000)), "400 Bad: a\\u009b31m" + "b" * 295),
    ],
    ids=["xml", "header", "advice", "html", "long code", "no xml", "redirect", "terminal"],
)  # fmt: skip
def test_an_error_is_said_shortly(response: Response, text: str) -> None:
    problem = storage_error.error_of("PUT https://x", response)
    assert isinstance(problem, Refused) and str(problem) == "PUT https://x: " + text


def test_a_busy_server_is_asked_again_when_it_says() -> None:
    problem = storage_error.error_of("GET u", answer(503, XML % (b"ServerBusy", b"Busy."), Retry_After="7"))
    assert isinstance(problem, Unavailable) and problem.retry_after_s == 7.0 and "ServerBusy" in str(problem)
    assert isinstance(storage_error.error_of("GET u", answer(429, b"")), Unavailable)
