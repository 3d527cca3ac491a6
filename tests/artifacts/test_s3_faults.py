"""What S3, and what stands between it and us, may answer instead: shown shortly, tried again where that helps."""

from __future__ import annotations

import gzip
import time
from pathlib import Path
from typing import Any, Dict, List, Tuple

import pytest

from bkagent.artifacts.stores import s3
from bkagent.artifacts.stores.amazon_s3.uploads import NewObject, SingleUpload
from bkagent.artifacts.stores.fetch_range import FetchRange
from bkagent.artifacts.stores.store import ArtifactStore
from bkagent.cloud import xml_answer
from bkagent.cloud.aws.client import AwsRequest
from bkagent.config.launching import self_command
from bkagent.errors import AgentError, Refused, Unavailable, Unreachable, WireError
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.response import Headers, Response
from bkagent.wire.artifacts import Artifact
from tests.artifacts.artifact_plane import ArtifactPlane
from tests.cloud.aws_fakes import Caller
from tests.fakes import certificates
from tests.fakes.scripted_server import Answer, Raw, Request, ScriptedServer
from tests.fakes.tunnel_proxy import TunnelProxy

LISTED = Answer(200, body=b"<ListBucketResult/>", headers={"Content-Type": "application/xml"})
OURS = self_command.command([])
MIB = 1024 * 1024


def error(status: int, code: str, message: str = "words", **headers: str) -> Answer:
    """Return an answer that S3 gives."""
    body = f'<?xml version="1.0"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'.encode()
    return Answer(status, body=body, headers={"Content-Type": "application/xml", **headers})


def environ(server: ScriptedServer) -> Dict[str, str]:
    """Return variables by which the server is S3."""
    return {
        "BUILDKITE_S3_ENDPOINT": server.url, "BUILDKITE_S3_DEFAULT_REGION": "eu-west-1",
        "BUILDKITE_S3_ACCESS_KEY_ID": "AKIDEXAMPLE", "BUILDKITE_S3_SECRET_ACCESS_KEY": "hidden-secret-key",
    }  # fmt: skip


def caller_of(server: ScriptedServer, tmp_path: Path, **more: str) -> Caller:
    """Return a caller whose clock is right."""
    caller = Caller(tmp_path, {**environ(server), **more})
    caller.now_s = time.time()
    return caller


def store_at(server: ScriptedServer, tmp_path: Path) -> ArtifactStore:
    """Return the store of the bucket `b`, unprepared."""
    return s3.open_store("s3://b/p", caller_of(server, tmp_path).settings().context)


def put(store: ArtifactStore, tmp_path: Path, content: bytes = b"content", sha256: str = "") -> None:
    """Upload a small file, once."""
    path = tmp_path / "f"
    path.write_bytes(content)
    upload = store.begin(Artifact("f.txt", len(content), sha256=sha256), None, {})
    upload.send(upload.parts[0], FileBody(str(path), len(content)))


def test_a_refused_list_says_what_to_set(tmp_path: Path) -> None:
    with ScriptedServer({"GET /b": error(403, "AccessDenied", "no " + "x" * 10_000)}) as server, pytest.raises(
        AgentError, match="could not authenticate to AWS S3 with BUILDKITE_S3_ACCESS_KEY_ID: "
    ) as raised:
        store_at(server, tmp_path).prepare()
    text = str(raised.value)
    assert "403 AccessDenied: no xxx" in text
    assert text.endswith("which need s3:ListBucket for the bucket")
    assert len(text) < 800
    assert "hidden-secret" not in text
    assert "\n" not in text


@pytest.mark.parametrize(
    "refusal", [error(403, "AccessDenied", "no sts:AssumeRole"), error(400, "InvalidIdentityToken", "too old")]
)
def test_a_refusal_of_credentials_is_not_taken_for_the_buckets(tmp_path: Path, refusal: Answer) -> None:
    (tmp_path / "token").write_text("jwt")
    with ScriptedServer({"POST /": refusal, "GET /b": LISTED}) as server:
        identity = {
            "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_STS": server.url, "BUILDKITE_S3_ACCESS_KEY_ID": "",
            "AWS_ROLE_ARN": "arn:aws:iam::123456789012:role/r", "AWS_WEB_IDENTITY_TOKEN_FILE": str(tmp_path / "token"),
        }  # fmt: skip
        context = caller_of(server, tmp_path, **identity).settings().context
        with pytest.raises(AgentError, match=f"^could not get AWS credentials: POST {server.url}/: {refusal.status} "):
            s3.open_store("s3://b/p", context).prepare()
        assert server.lines == ["POST /"]


def test_a_bucket_in_another_region_is_found(tmp_path: Path) -> None:
    moved = error(301, "PermanentRedirect", **{"x-amz-bucket-region": "ap-south-1"})

    def answer(request: Request) -> Answer:
        return LISTED if "/ap-south-1/s3/" in request.headers["authorization"] else moved

    with ScriptedServer({"GET /b": answer}) as server:
        caller = caller_of(server, tmp_path)
        s3.open_store("s3://b", caller.settings().context).prepare()
        assert [request.query for request in server.seen] == ["max-keys=0"] * 2
    assert (
        'warn the bucket "b" is in region "ap-south-1", not "eu-west-1"; set BUILDKITE_S3_DEFAULT' in caller.messages[0]
    )


def test_a_bucket_that_amazon_does_not_know_is_named(tmp_path: Path) -> None:
    """Without any region set: what to check is the name of the bucket, not the machine's region."""
    folder = certificates.make(tmp_path, "*.s3.us-east-1.amazonaws.com")
    with ScriptedServer({"HEAD /": Answer(404)}, certificates.server_side(folder)) as server, TunnelProxy(
        {"*.amazonaws.com": server.port}
    ) as proxy:
        amazon = {
            "HTTPS_PROXY": proxy.url,
            "SSL_CERT_FILE": str(folder / "ca.pem"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        store = s3.open_store("s3://no-such/p", Caller(tmp_path, amazon).settings().context)
        with pytest.raises(AgentError) as raised:
            store.prepare()
    assert str(raised.value) == (
        'the region of the S3 bucket "no-such" cannot be found (Amazon S3 has no bucket of that name); check the name '
        "of the bucket, or set BUILDKITE_S3_DEFAULT_REGION"
    )


def test_a_region_that_a_server_makes_up_is_not_believed(tmp_path: Path) -> None:
    moved = error(301, "PermanentRedirect", **{"x-amz-bucket-region": "x.evil.example/"})
    with ScriptedServer({"GET /b": moved}) as server, pytest.raises(AgentError, match="is no AWS region"):
        store_at(server, tmp_path).prepare()


def test_a_redirect_is_not_followed_with_a_signature(tmp_path: Path) -> None:
    with ScriptedServer({}) as other:
        moved = Answer(307, headers={"Location": other.url + "/b/p/f.txt"})
        with ScriptedServer({"PUT /b/p/f.txt": moved}) as server, pytest.raises(
            Refused, match="307 it redirects to .*/b/p/f.txt$"
        ):
            put(store_at(server, tmp_path), tmp_path)
        assert not other.seen


@pytest.mark.parametrize(
    "answer, kind, sentence",
    [
        (error(403, "AccessDenied"), Refused, "403 AccessDenied: words; the credentials need s3:PutObject"),
        (error(400, "AccessControlListNotSupported"), Refused, "set BUILDKITE_S3_ACL to bucket-owner-full-control"),
        (error(404, "NoSuchBucket", "The bucket is gone"), Refused, "404 NoSuchBucket: The bucket is gone"),
        (error(503, "SlowDown", "Reduce your rate"), Unavailable, "503 SlowDown: Reduce your rate"),
        (error(400, "RequestTimeout"), Unavailable, "400 RequestTimeout"),
        (error(400, "XAmzContentSHA256Mismatch", "does not match"), Refused, "SHA256Mismatch: does not match"),
        (Answer(502, body=b"<!DOCTYPE html><html>Bad\nGateway</html>"), Unavailable, "502 the answer is an HTML page"),
        (Answer(200, body=b"<html>Sign in</html>"), Refused, "PUT s3://b/p/f.txt: 200, and the answer is a page"),
        (Answer(400, body=b"<Error><Code>half"), Refused, "f.txt: 400$"),
        (Answer(400, body=b"\xff\x00" * 100), Refused, "f.txt: 400$"),
        (error(400, "A\nB\x1b[31m", "two\r\nlines"), Refused, "400"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), Unreachable, "EOF"),
        (Raw(b"", reset=True), Unreachable, "reset|EOF"),
    ],
    ids=[
        "403", "acl", "404", "503", "timeout", "checksum", "html", "page", "half xml", "binary", "lines", "half",
        "reset",
    ],
)  # fmt: skip
def test_answers_to_an_upload(tmp_path: Path, answer: Any, kind: type, sentence: str) -> None:
    with ScriptedServer({"PUT /b/p/f.txt": answer}) as server, pytest.raises(kind, match=sentence) as raised:
        put(store_at(server, tmp_path), tmp_path)
    assert not [letter for letter in str(raised.value) if letter < " " or letter == "\x1b"]


def test_bytes_are_signed_where_nothing_else_protects_them(tmp_path: Path) -> None:
    with ScriptedServer({"PUT /b/p/f.txt": Answer(200, headers={"ETag": '"x"'})}) as server:
        store = store_at(server, tmp_path)
        put(store, tmp_path, b"content")
        (request,) = server.seen
    sha256 = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    assert request.headers["x-amz-content-sha256"] == sha256
    assert request.body == b"content"
    assert request.headers["x-amz-acl"] == "public-read"


def test_bytes_are_not_signed_where_tls_protects_them(tmp_path: Path) -> None:
    """In one request, and in parts; the file is not read for that."""
    (tmp_path / "tls").mkdir()
    authority = certificates.make(tmp_path / "tls")
    path = tmp_path / "large"
    path.write_bytes(b"x" * 17 * MIB)
    with ScriptedServer(_multipart_server(LISTED), tls=certificates.server_side(authority)) as server:
        trust = {"SSL_CERT_FILE": str(authority / "ca.pem")}
        store = s3.open_store("s3://b/p", caller_of(server, tmp_path, **trust).settings().context)
        put(store, tmp_path)
        upload = store.begin(Artifact("f.txt", 17 * MIB), None, {})
        upload.send(upload.parts[2], FileBody(str(path), MIB, 16 * MIB))
        assert upload.finish({1: "a"}) == {}
    puts = [request for request in server.seen if request.method == "PUT"]
    assert [request.headers["x-amz-content-sha256"] for request in puts] == ["UNSIGNED-PAYLOAD"] * 2
    assert len(puts[1].body) == MIB


@pytest.mark.parametrize("skew_s", [-3600.0, 3600.0], ids=["behind", "ahead"])
def test_a_clock_that_is_off(tmp_path: Path, skew_s: float) -> None:
    """Said once; later requests are right at once, in a body-less answer to HEAD as well."""
    now_s = float(int(time.time()))  # as exact as the header

    def answer(request: Request) -> Answer:
        date = {"Date": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now_s))}
        sent = time.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
        hours = abs(sent.tm_hour - time.gmtime(now_s).tm_hour) % 22
        return error(403, "RequestTimeTooSkewed", **date) if hours else Answer(200, body=b"<x/>", headers=date)

    with ScriptedServer({"*": answer}) as server:
        caller = caller_of(server, tmp_path)
        caller.now_s = now_s + skew_s
        store = s3.open_store("s3://b/p", caller.settings().context)
        store.prepare()
        put(store, tmp_path)
        assert server.lines == ["GET /b", "GET /b", "PUT /b/p/f.txt"]
    warnings = [text for text in caller.messages if text.startswith("warn")]
    assert len(warnings) == 1
    assert "The clock of this machine is 1h0m0s" in warnings[0]


def _multipart_server(finish: Any, part: Any = None) -> Dict[str, Any]:
    begun = Answer(
        200, body=b"<InitiateMultipartUploadResult><UploadId>u&amp;1</UploadId></InitiateMultipartUploadResult>"
    )

    def answer(request: Request) -> Any:
        if request.query.startswith("uploads"):
            return begun
        return finish

    return {
        "POST /b/p/f.txt": answer,
        "PUT /b/p/f.txt": part or Answer(200, headers={"ETag": '"a<b"'}),
        "DELETE /b/p/f.txt": Answer(204),
    }


@pytest.mark.parametrize(
    "finish, kind, sentence",
    [
        (
            error(200, "InternalError", "We encountered an error"),
            Unavailable,
            "could not be completed: InternalError: We",
        ),
        (Answer(200, body=b"<html>login</html>"), WireError, "is an HTML page, not the XML that was expected"),
        (Answer(200, body=b"<CompleteMultipart"), WireError, "is not valid XML, or incomplete"),
        (Answer(200, body=b'<!DOCTYPE x [<!ENTITY a "b">]><x>&a;</x>'), WireError, "HTML page|document type"),
        (error(400, "InvalidPart", "One or more of the parts"), Refused, "400 InvalidPart: One or more of the parts"),
    ],
    ids=["late error", "html", "half", "entities", "wrong tag"],
)
def test_ends_of_an_upload_in_parts(tmp_path: Path, finish: Answer, kind: type, sentence: str) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 17 * MIB)
    with ScriptedServer(_multipart_server(finish)) as server:
        upload = store_at(server, tmp_path).begin(Artifact("f.txt", 17 * MIB), None, {})
        tags = {part.number: upload.send(part, FileBody(str(path), part.size, part.offset)) for part in upload.parts}
        with pytest.raises(kind, match=sentence):
            upload.finish(tags)
        upload.abandon()
    assert server.lines[-1] == "DELETE /b/p/f.txt"
    assert server.seen[-1].query == "uploadId=u%261"
    assert b'<PartNumber>3</PartNumber><ETag>"a&lt;b"</ETag>' in server.seen[-2].body


def test_a_part_without_a_tag(tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"x" * 17 * MIB)
    with ScriptedServer(_multipart_server(LISTED, Answer(200))) as server:
        upload = store_at(server, tmp_path).begin(Artifact("f.txt", 17 * MIB), None, {})
        with pytest.raises(WireError, match="part 1 of f.txt: S3 answered without an ETag"):
            upload.send(upload.parts[0], FileBody(str(path), 8 * MIB))


def test_downloads_that_fail(tmp_path: Path) -> None:
    cases: "List[Tuple[Any, type, str]]" = [
        (error(404, "NoSuchKey", "The specified key does not exist."), Refused, "404 NoSuchKey: The specified key"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf"), Unreachable, "EOF"),
        (Answer(206, body=b"xy", headers={"Content-Range": "bytes evil"}), WireError, "range that makes no sense"),
    ]
    for answer, kind, sentence in cases:
        with ScriptedServer({"GET /b/p/f.txt": answer}) as server, pytest.raises(kind, match=sentence):
            store_at(server, tmp_path).fetch(Artifact("f.txt", 10), lambda head: lambda data: None, FetchRange(1))


@pytest.mark.soak  # it waits for the pauses between tries
def test_what_is_busy_for_a_moment_is_tried_again(tmp_path: Path) -> None:
    """By the whole command: every request of an upload once, then the download."""
    source, goal = tmp_path / "source", tmp_path / "goal"
    source.mkdir(), goal.mkdir()
    (source / "f.txt").write_bytes(b"content")
    slow = error(503, "SlowDown", **{"Retry-After": "0"})
    routes = {
        "GET /b": [slow, LISTED],
        "PUT /b/p/f.txt": [error(400, "RequestTimeout"), Answer(200, headers={"ETag": '"x"'})],
        "GET /b/p/f.txt": [Answer(200, body=b"damaged"), Answer(200, body=b"content")],
    }
    with ScriptedServer(routes) as server, ArtifactPlane() as plane:
        done = plane.run(OURS, source, environ(server), "upload", "f.txt", "s3://b/p", "--job", "j")
        assert "400 RequestTimeout: words (Attempt 1/10 Retrying in 5s)" in done.stderr
        assert server.lines == ["GET /b", "GET /b", "PUT /b/p/f.txt", "PUT /b/p/f.txt"]
        done = plane.run(OURS, goal, environ(server), "download", "*", ".", "--build", "b")
        assert "checksum of downloaded content" in done.stderr
    assert (goal / "f.txt").read_bytes() == b"content"
    assert "hidden-secret" not in done.stderr


def test_a_refusal_ends_the_command_with_one_sentence(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "f.txt").write_bytes(b"content")
    with ScriptedServer({"GET /b": error(403, "InvalidAccessKeyId")}) as server, ArtifactPlane() as plane:
        words = ("upload", "f.txt", "s3://b/p", "--job", "j")
        done = plane.run(OURS, source, environ(server), *words, expect=1)
    assert "403 InvalidAccessKeyId: words; set BUILDKITE_S3_ACCESS_KEY_ID and" in done.stderr
    assert not plane.records
    assert server.lines == ["GET /b"]


def test_xml_that_is_meant_to_hurt() -> None:
    bombs = [
        b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;">]><x>&l2;</x>',
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><x/>',
        b"<x>" * 100_000,
        b"<x>" + b"y" * (9 * MIB) + b"</x>",
        "<?xml version='1.0' encoding='utf-16'?><!DOCTYPE x []><x/>".encode("utf-16"),
        b"", b"\0", b"{}", b"<x", b"<x/>trailing<y/>", gzip.compress(b"<x/>"),
    ]  # fmt: skip
    for text in bombs:
        with pytest.raises(WireError, match="^the answer "):
            xml_answer.parse(text, "the answer")
    element = xml_answer.parse(b'<a xmlns="u" b="c"><d:e xmlns:d="v"> text </d:e></a>', "the answer")
    assert (element.tag, xml_answer.child_text(element, "e")) == ("a", "text")


class _AmazonsBucket:
    """Keeps the requests that Amazon's own servers would be sent."""

    name, has_tls, is_amazons = "b", True, True

    def __init__(self) -> None:
        self.requests: List[AwsRequest] = []

    def send(self, request: AwsRequest) -> Response:
        self.requests.append(request)
        return Response(200, Headers(), b"")


def test_amazon_is_told_the_checksum_and_the_bytes_are_not_read_twice() -> None:
    bucket = _AmazonsBucket()
    artifact = Artifact("f.txt", 7, sha256="ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73")
    upload = SingleUpload(bucket, NewObject(artifact, "p/f.txt", {"x-amz-acl": "private"}))  # type: ignore[arg-type]
    upload.send(upload.parts[0], FileBody("/no/such/file", 7))
    (request,) = bucket.requests
    assert request.headers == {
        "x-amz-acl": "private", "x-amz-checksum-sha256": "7XACtDnprIRfIjV9giusFERzD722AW0+yUMil7nsn3M="
    }  # fmt: skip
    assert request.payload_sha256 == ""
