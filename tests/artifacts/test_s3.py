"""Artifacts in Amazon S3: against moto's server, by whole commands, and beside the reference's agent."""

from __future__ import annotations

import random
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest

from bkagent.artifacts.stores import s3
from bkagent.artifacts.stores.amazon_s3 import settings as s3_settings
from bkagent.artifacts.stores.fetch_range import FetchRange
from bkagent.artifacts.stores.store import ArtifactStore, StoreUpload, UploadPart
from bkagent.config.launching import self_command
from bkagent.errors import AgentError, ConfigError
from bkagent.transport.client.body import FileBody
from bkagent.wire.artifacts import Artifact
from tests.artifacts.artifact_plane import ArtifactPlane
from tests.cloud.aws_fakes import Caller
from tests.fakes import moto
from tests.fakes.reference import PROGRAM as REFERENCE
from tests.fakes.reference import needs_reference
from tests.fakes.s3_bucket import MotoBucket
from tests.fakes.scripted_server import Answer, Request, ScriptedServer

OURS = self_command.command([])
MIB = 1024 * 1024
NAMES = (
    "plain.txt", "a dir/with spaces +plus.log", "ünïcödé/漢字 🙂.json", "100%/x&y=z;q?#.html", "tilde~(1)!*'.css",
    "semi:colon@at,$.bin", "deep/er/than/that/x.tar.gz", ".hidden", 'quo"te.txt', "a/plus+plus/b%2Fc.txt",
)  # fmt: skip


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """Yield the URL of a moto server."""
    with moto.start() as running:
        yield running.url


@pytest.fixture
def bucket(server: str) -> MotoBucket:
    """Return a new bucket."""
    return MotoBucket(server)


def plant(folder: Path, names: "tuple[str, ...]" = NAMES) -> Dict[str, bytes]:
    """Write files of different sizes; return their contents."""
    chance = random.Random(5)
    contents = {name: bytes(chance.getrandbits(8) for _ in range(chance.randint(0, 3000))) for name in names}
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return contents


def store_of(bucket: MotoBucket, tmp_path: Path, prefix: str = "", **environ: str) -> ArtifactStore:
    """Return a store that is prepared."""
    caller = Caller(tmp_path, {**moto.environ(bucket.url), **environ})
    caller.now_s = time.time()
    store = s3.open_store(f"s3://{bucket.name}/{prefix}", caller.settings().context)
    store.prepare()
    return store


def artifact_of(path: Path, name: str, **more: Any) -> Artifact:
    """Return what is uploaded of a file."""
    return Artifact(path=name, size=path.stat().st_size, absolute_path=str(path), content_type="text/plain", **more)


def send(upload: StoreUpload, path: Path, part: UploadPart) -> str:
    """Send a part of a file."""
    return upload.send(part, FileBody(str(path), part.size, part.offset))


def test_what_is_uploaded_comes_back(bucket: MotoBucket, tmp_path: Path) -> None:
    source, goal = tmp_path / "source", tmp_path / "goal"
    source.mkdir(), goal.mkdir()
    contents = plant(source)
    with ArtifactPlane() as plane:
        environ = moto.environ(bucket.url)
        done = plane.run(
            OURS, source, environ, "upload", "**/*;.hidden", f"s3://{bucket.name}/some/path/", "--job", "j"
        )
        assert (
            f'Uploading to Amazon S3 ("s3://{bucket.name}/some/path/"), using your agent configuration' in done.stderr
        )
        assert sorted(bucket.object_keys()) == sorted(f"some/path/{name}" for name in contents)
        assert {plane.states[id] for id in plane.records} == {"finished"}
        plane.run(OURS, goal, environ, "download", "*", ".", "--build", "b")
    assert {name: (goal / name).read_bytes() for name in contents} == contents


def _described(bucket: MotoBucket, plane: ArtifactPlane, prefix: str) -> Dict[str, Dict[str, Any]]:
    """Return what a store and a control plane have of each artifact below a prefix."""
    described = {}
    for key in bucket.object_keys():
        if key.startswith(prefix):
            head = bucket.head(key)
            name = key[len(prefix) :]
            record = plane.by_path[name]
            assert record["url"].startswith(f"https://{bucket.name}.s3.amazonaws.com/{prefix}")
            described[name] = {
                "content": bucket.content(key), "type": head["content-type"], "grants": bucket.grants(key),
                "disposition": head.get("content-disposition"), "encoding": head.get("content-encoding"),
                "cache": head.get("cache-control"), "class": head.get("x-amz-storage-class"),
                "own": {name: text for name, text in head.items() if name.startswith("x-amz-meta-")},
                "sums": [record[name] for name in ("file_size", "sha1sum", "sha256sum", "content_type")],
                "encryption": head.get("x-amz-server-side-encryption"), "url": record["url"].replace(prefix, "", 1),
                "destination": record["upload_destination"].replace(prefix, "", 1),
            }  # fmt: skip
    return described


@needs_reference
@pytest.mark.parametrize("acl", ["", "private"], ids=["default ACL", "private"])
def test_objects_and_records_are_those_of_the_reference(bucket: MotoBucket, tmp_path: Path, acl: str) -> None:
    """Key, bytes, content type, access list, encryption and the URL of the record, for odd names too."""
    source = tmp_path / "source"
    source.mkdir()
    contents = {**plant(source), "in/parts.html": b"<p>" * (17 * MIB // 3)}
    (source / "in").mkdir()
    (source / "in" / "parts.html").write_bytes(contents["in/parts.html"])
    environ = {
        **moto.environ(bucket.url), "BUILDKITE_S3_DEFAULT_REGION": moto.REGION, "BUILDKITE_S3_ENDPOINT": bucket.url,
        "BUILDKITE_S3_ACL": acl, "BUILDKITE_S3_SSE_ENABLED": "True" if acl else "",
    }  # fmt: skip
    described = {}
    for prefix, program in (("by-us/", OURS), ("by-it/", [REFERENCE])):
        with ArtifactPlane() as plane:
            destination = f"s3://{bucket.name}/{prefix}"
            plane.run(program, source, environ, "upload", "**/*;.hidden", destination, "--job", "j")
            described[prefix] = _described(bucket, plane, prefix)
    assert described["by-us/"] == described["by-it/"]
    assert sorted(described["by-us/"]) == sorted(contents)


@needs_reference
@pytest.mark.parametrize("single", [False, True], ids=["parts", "presigned"])
def test_each_downloads_what_the_other_has_uploaded(bucket: MotoBucket, tmp_path: Path, single: bool) -> None:
    source = tmp_path / "source"
    source.mkdir()
    contents = plant(source)
    contents["large.bin"] = random.Random(1).getrandbits(8 * 17 * MIB).to_bytes(17 * MIB, "big")
    (source / "large.bin").write_bytes(contents["large.bin"])
    environ = {
        **moto.environ(bucket.url), "BUILDKITE_S3_DEFAULT_REGION": moto.REGION, "BUILDKITE_S3_ENDPOINT": bucket.url,
        "BUILDKITE_NO_S3_MULTIPART_DOWNLOAD": "true" if single else "",
    }  # fmt: skip
    pairs: "List[tuple[str, List[str], List[str]]]" = [("us", OURS, [REFERENCE]), ("it", [REFERENCE], OURS)]
    for name, uploader, downloader in pairs:
        goal = tmp_path / name
        goal.mkdir()
        with ArtifactPlane() as plane:
            plane.run(uploader, source, environ, "upload", "**/*;.hidden", f"s3://{bucket.name}/{name}", "--job", "j")
            plane.run(downloader, goal, environ, "download", "*", ".", "--build", "b")
        assert {path: (goal / path).read_bytes() for path in contents} == contents


def test_without_a_prefix_and_with_another_url(bucket: MotoBucket, tmp_path: Path) -> None:
    store = store_of(bucket, tmp_path, BUILDKITE_S3_ACCESS_URL="https://artifacts.example.com/a b/?x=1")
    assert store.url_of("dir/x y.txt") == "https://artifacts.example.com/a%20b/dir/x%20y.txt?x=1"
    assert store_of(bucket, tmp_path).url_of("x.txt") == f"https://{bucket.name}.s3.amazonaws.com/x.txt"


@pytest.mark.parametrize(
    "destination, path, key",
    [
        ("s3://b", "dir/x", "dir/x"),
        ("s3://b/", "dir/../x", "dir/../x"),
        ("s3://b/p", "dir/../x", "p/x"),
        ("s3://b/p/", "../../x", "../x"),
        ("s3://b/p//q/", "./x//y", "p/q/x/y"),
        ("s3://b//p", "x", "/p/x"),
        ("s3://b/p", "a\\b", "p/a\\b"),
    ],
)
def test_keys(destination: str, path: str, key: str) -> None:
    """As Go's path.Join makes them, and only where there is a prefix."""
    assert s3_settings.parse_destination(destination).key_of(path) == key


def test_a_region_is_looked_up(server: str, tmp_path: Path) -> None:
    """By a request that is not signed; a variable spares it, and a wrong one is corrected."""
    bucket = MotoBucket(server, "ap-south-1")
    caller = Caller(tmp_path, {**moto.environ(server), "AWS_REGION": "us-west-2"})
    caller.now_s = time.time()
    store = s3.open_store(f"s3://{bucket.name}", caller.settings().context)
    store.prepare()
    assert caller.messages == [f'debug Using the S3 bucket "{bucket.name}" in region "ap-south-1"']


def test_a_large_file_goes_in_parts_and_a_later_run_goes_on(bucket: MotoBucket, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(bytes(range(256)) * (4096 * 20) + b"rest")
    artifact = artifact_of(path, "large.bin")
    upload = store_of(bucket, tmp_path, "p").begin(artifact, None, {})
    assert [(part.offset, part.size) for part in upload.parts] == [
        (0, 8 * MIB),
        (8 * MIB, 8 * MIB),
        (16 * MIB, 4 * MIB + 4),
    ]
    tag = send(upload, path, upload.parts[1])
    later = store_of(bucket, tmp_path, "p").begin(artifact, None, dict(upload.saved))
    assert later.kept_tags == {2: tag}
    tags = {**later.kept_tags, **{part.number: send(later, path, part) for part in (later.parts[0], later.parts[2])}}
    assert later.finish(tags) == {}
    assert bucket.content("p/large.bin") == path.read_bytes()
    assert bucket.head("p/large.bin")["content-type"] == "text/plain"
    assert later.finish(tags) == {}  # its answer was lost, say
    assert bucket.uploads_count() == 0


def test_an_upload_that_is_abandoned_leaves_no_parts(bucket: MotoBucket, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 17 * MIB)
    store = store_of(bucket, tmp_path)
    upload = store.begin(artifact_of(path, "large.bin"), None, {})
    send(upload, path, upload.parts[0])
    assert bucket.uploads_count() == 1
    upload.abandon()
    assert bucket.uploads_count() == 0
    assert store.begin(artifact_of(path, "large.bin"), None, dict(upload.saved)).kept_tags == {}


def test_what_was_saved_may_be_anything(bucket: MotoBucket, tmp_path: Path) -> None:
    path = tmp_path / "large"
    path.write_bytes(b"x" * 17 * MIB)
    store = store_of(bucket, tmp_path)
    good = store.begin(artifact_of(path, "large.bin"), None, {}).saved
    chance = random.Random(11)
    values: List[Any] = [
        "",
        "x",
        0,
        -1,
        1.5,
        None,
        True,
        [],
        {},
        "x" * 2000,
        10**30,
        good["upload_id"],
        "../&a=b",
        5 * MIB,
    ]
    for _ in range(60):
        saved = {name: chance.choice(values) for name in ("key", "upload_id", "part_bytes", "more")}
        saved["key"] = good["key"]
        upload = store.begin(artifact_of(path, "large.bin"), None, saved)
        assert upload.parts[-1].offset + upload.parts[-1].size == 17 * MIB
        upload.abandon() if upload.saved["upload_id"] != good["upload_id"] else None


def test_ranges_and_versions_of_a_download(bucket: MotoBucket, tmp_path: Path) -> None:
    path = tmp_path / "f"
    path.write_bytes(b"0123456789")
    store, artifact = store_of(bucket, tmp_path), artifact_of(path, "f.txt")
    upload = store.begin(artifact, None, {})
    send(upload, path, upload.parts[0])
    heads: List[Any] = []

    def fetched(**options: Any) -> bytes:
        pieces: List[bytes] = []
        store.fetch(artifact, lambda head: (heads.append(head), pieces.append)[1], FetchRange(**options))
        return b"".join(pieces)

    assert fetched() == b"0123456789"
    assert fetched(start_offset=4) == b"456789"
    assert fetched(start_offset=4, size=3, version=heads[0].version) == b"456"
    assert [(head.start_offset, head.whole_bytes) for head in heads] == [(0, 10), (4, 10), (4, 10)]
    path.write_bytes(b"abcdefghij")
    send(store.begin(artifact, None, {}), path, upload.parts[0])
    assert fetched(start_offset=4, version=heads[0].version) == b"abcdefghij"
    assert heads[-1].start_offset == 0


@pytest.mark.parametrize(
    "destination, environ, sentence",
    [
        ("s3://", {}, "must be s3://BUCKET or s3://BUCKET/PATH"),
        ("s3:///path", {}, "must be s3://BUCKET"),
        ("s3://b@evil.example/x", {}, "must be s3://BUCKET"),
        ("s3://b", {"BUILDKITE_S3_ACL": "public"}, r"'public' \(BUILDKITE_S3_ACL\); it must be private, public-read"),
        ("s3://b", {"AWS_S3_ACL": "foo"}, r"invalid S3 ACL value: 'foo' \(AWS_S3_ACL\)"),
        ("s3://b", {"BUILDKITE_S3_ACCESS_URL": "artifacts"}, "BUILDKITE_S3_ACCESS_URL must be a URL"),
        ("s3://b", {"BUILDKITE_S3_ENDPOINT": "http://"}, "BUILDKITE_S3_ENDPOINT"),
        ("s3://b", {"BUILDKITE_S3_DEFAULT_REGION": "eu west"}, "is no AWS region .BUILDKITE_S3_DEFAULT_REGION."),
        ("s3://b", {"BUILDKITE_S3_PROFILE": "gone"}, 'there is no AWS profile "gone"'),
    ],
    ids=["nothing", "no bucket", "no host", "acl", "other acl", "url", "endpoint", "region", "profile"],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_named(
    tmp_path: Path, destination: str, environ: Dict[str, str], sentence: str
) -> None:
    with pytest.raises(ConfigError, match=sentence):
        s3.open_store(destination, Caller(tmp_path, environ).settings().context)


def test_keys_of_the_variables_come_before_all_others(bucket: MotoBucket, tmp_path: Path) -> None:
    seen: List[str] = []

    def check(environ: Dict[str, str], key: str) -> None:
        caller = Caller(tmp_path, {**moto.environ(bucket.url), **environ})
        store = s3.open_store(f"s3://{bucket.name}", caller.settings().context)
        seen.append(store._bucket._credentials.get().access_key_id)  # type: ignore[attr-defined]
        assert seen[-1] == key

    Caller(tmp_path).write("credentials", "[builds]\naws_access_key_id=AKIDFILE\naws_secret_access_key=s\n")
    new = {"BUILDKITE_S3_ACCESS_KEY_ID": "AKIDNEW", "BUILDKITE_S3_SECRET_ACCESS_KEY": "s"}
    old = {"BUILDKITE_S3_ACCESS_KEY": "AKIDOLD", "BUILDKITE_S3_SECRET_KEY": "s"}
    check({}, moto.ACCESS_KEY_ID)
    check({**old, **new}, "AKIDNEW")
    check(old, "AKIDOLD")
    check({"BUILDKITE_S3_ACCESS_KEY_ID": "AKIDNEW"}, moto.ACCESS_KEY_ID)
    check({"BUILDKITE_S3_PROFILE": "builds"}, "AKIDFILE")
    check({"AWS_PROFILE": "builds"}, "AKIDFILE")


def test_a_bucket_that_is_not_there(server: str, tmp_path: Path) -> None:
    caller = Caller(tmp_path, moto.environ(server))
    caller.now_s = time.time()
    with pytest.raises(AgentError, match='could not list the objects of the S3 bucket "no-such".*: 404 NoSuchBucket: '):
        s3.open_store("s3://no-such/x", caller.settings().context).prepare()


def test_a_download_by_a_signed_url(tmp_path: Path) -> None:
    """With the flag, or its variable; the signature is then in the query alone."""
    with ScriptedServer({"GET /b": Answer(200, body=b"<x/>"), "GET /b/f.txt": Answer(200, body=b"content")}) as server:
        environ = {**moto.environ(server.url), "BUILDKITE_S3_DEFAULT_REGION": moto.REGION}
        with ArtifactPlane() as plane:
            plane.records["id0"] = {
                "path": "f.txt",
                "file_size": 7,
                "upload_destination": "s3://b",
                "url": "https://x/",
            }
            for words, variables in (
                ([], {"BUILDKITE_NO_S3_MULTIPART_DOWNLOAD": "true"}),
                (["--no-s3-multipart-download"], {}),
            ):
                plane.run(OURS, tmp_path, {**environ, **variables}, "download", "*", ".", "--build", "b", *words)
                request = server.seen[-1]
                assert "X-Amz-Expires=3600&" in request.query
                assert "authorization" not in request.headers
            plane.run(OURS, tmp_path, environ, "download", "*", ".", "--build", "b")
            assert "authorization" in server.seen[-1].headers
    assert (tmp_path / "f.txt").read_bytes() == b"content"


def test_a_large_download_asks_for_ranges_of_8_mib_but_not_by_a_signed_url(tmp_path: Path) -> None:
    content = bytes(8 * MIB) + b"the rest"

    def serve(request: Request) -> Answer:
        asked = request.headers.get("range")
        if asked is None:
            return Answer(200, body=content, headers={"ETag": '"1"'})
        first, last = (int(digits) for digits in asked[len("bytes=") :].split("-"))
        headers = {"ETag": '"1"', "Content-Range": f"bytes {first}-{last}/{len(content)}"}
        return Answer(206, body=content[first : last + 1], headers=headers)

    with ScriptedServer({"GET /b": Answer(200, body=b"<x/>"), "GET /b/large": serve}) as server:
        environ = {**moto.environ(server.url), "BUILDKITE_S3_DEFAULT_REGION": moto.REGION}
        row = {"path": "large", "file_size": len(content), "upload_destination": "s3://b", "url": "https://x/"}
        ranges = []
        for words in ([], ["--no-s3-multipart-download"]):
            with ArtifactPlane() as plane:
                plane.records["id0"] = row
                plane.run(OURS, tmp_path, environ, "download", "*", ".", "--build", "b", *words)
            assert (tmp_path / "large").read_bytes() == content
            requests = [request for request in server.seen if request.path == "/b/large"]
            ranges.append(sorted(str(request.headers.get("range")) for request in requests))
            server.seen.clear()
    assert ranges == [[f"bytes=0-{8 * MIB - 1}", f"bytes={8 * MIB}-{8 * MIB + 7}"], ["None"]]
