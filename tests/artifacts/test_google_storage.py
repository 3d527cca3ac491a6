"""Google Cloud Storage: a strict server that fails as the real one does, and an emulator that is not ours."""

import base64
import json
import subprocess
import time

import pytest

from bkagent.artifacts.stores import google_upload
from bkagent.artifacts.stores.fetch_range import FetchRange
from bkagent.artifacts.stores.google_objects import ObjectFolder
from bkagent.artifacts.stores.google_storage import GoogleStorage, open_store
from bkagent.cloud.cloud_context import CloudContext
from bkagent.errors import AgentError, ConfigError, Refused, Unavailable, Unreachable, WireError
from bkagent.transport.client.body import FileBody
from bkagent.transport.client.http_client import Pool
from bkagent.wire.artifacts import Artifact
from tests.artifacts.test_stores import Records
from tests.fakes import google_accounts, google_front, google_storage, reference
from tests.fakes.google_accounts import GoogleAccounts
from tests.fakes.google_storage import StrictStorage
from tests.fakes.installed_archive import program_of
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer

BUCKET = "bucket-1"
CHUNK = 512 * 1024


class Bed:
    """A store of ours and a strict one at a server of the tests, with an account whose tokens it takes."""

    def __init__(self, tmp_path, **environ):
        self.accounts = GoogleAccounts()
        self.strict = StrictStorage(BUCKET, self.accounts)
        self.server = ScriptedServer({**self.accounts.routes(), "*": self.strict})
        self.strict.url = self.server.url
        self.folder, self.reports = tmp_path, []
        document = self.accounts.document(self.server.url, "service_account")
        self.environ = {"BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON": json.dumps(document), **environ}
        self.pool = Pool("http://localhost", {})
        self.store = self.open()

    def open(self, path="dir/sub", **environ):
        context = CloudContext(
            self.pool, {**self.environ, **environ}, "", "agent/1",
            lambda level, text: self.reports.append((level, text)), lambda seconds: None, time.time,
        )  # fmt: skip
        return GoogleStorage(ObjectFolder(BUCKET, path), context, self.server.url)

    def artifact(self, path, content, **more):
        file = self.folder / "file"
        file.write_bytes(content)
        return Artifact(path=path, size=len(content), absolute_path=str(file), **more)

    def send(self, upload, artifact):
        for part in upload.parts:
            if part.number not in upload.kept_tags:
                upload.send(part, FileBody(artifact.absolute_path, part.size, part.offset))
        assert upload.finish({}) == {}

    def upload(self, path, content, store=None, **more):
        artifact = self.artifact(path, content, **more)
        self.send((store or self.store).begin(artifact, None, {}), artifact)
        return artifact

    def fetch(self, artifact, **more):
        heads, content = [], bytearray()

        def receive(head):
            heads.append(head)
            content.clear()
            return content.extend

        self.store.fetch(artifact, receive, FetchRange(**more))
        return heads[-1], bytes(content)


@pytest.fixture
def bed(tmp_path, monkeypatch):
    google_accounts.account_key()
    monkeypatch.setattr(google_upload, "PART_BYTES", CHUNK)
    import bkagent.artifacts.stores.google_storage as module

    monkeypatch.setattr(module, "RESUMABLE_FROM_BYTES", CHUNK)
    opened = Bed(tmp_path)
    with opened.server:
        yield opened
    opened.pool.close()


# What each content repeats; its length is no part of that of a chunk, so that pieces in a wrong order are seen.
PATTERN = bytes((i * 7 + i // 251) % 256 for i in range(128 * 251))


def content_of(size):
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


NAMES = ("a.txt", "deep/er/b c.bin", "ünï/π?#%&+.txt", 'quo"te.txt', "new\nline.txt", "..a/b..", "x" * 300)


def test_small_files_go_in_one_request(bed):
    for name in NAMES:
        for content in (b"", b"--\r\nhello\0\xff", content_of(CHUNK - 1 if name == NAMES[0] else 999)):
            artifact = bed.upload(name, content, content_type="text/x-test")
            stored = bed.strict.objects["dir/sub/" + name]
            assert stored.content == content and stored.acl == ""
            assert stored.metadata["contentType"] == "text/x-test"
            assert bed.fetch(artifact) == (bed.fetch(artifact)[0], content)
    dispositions = {name: stored.metadata["contentDisposition"] for name, stored in bed.strict.objects.items()}
    assert dispositions["dir/sub/deep/er/b c.bin"] == 'inline; filename="b c.bin"'
    assert dispositions['dir/sub/quo"te.txt'] == 'inline; filename="quo\\"te.txt"'
    assert dispositions["dir/sub/new\nline.txt"] == 'inline; filename="new_line.txt"'
    assert not bed.strict.sessions


@pytest.mark.parametrize("size", [CHUNK, CHUNK + 1, 3 * CHUNK - 5])
def test_large_files_go_by_a_session(bed, size):
    artifact = bed.upload("large.bin", content_of(size), content_type="application/x")
    stored = bed.strict.objects["dir/sub/large.bin"]
    assert stored.content == content_of(size) and stored.metadata["contentType"] == "application/x"
    assert bed.fetch(artifact)[1] == content_of(size)
    assert len([r for r in bed.server.seen if r.method == "PUT"]) == -(-size // CHUNK)


def test_an_interrupted_session_goes_on_where_it_was(bed):
    content = content_of(4 * CHUNK + 100)
    artifact = bed.artifact("large.bin", content)
    upload = bed.store.begin(artifact, None, {})
    parts = [(part, FileBody(artifact.absolute_path, part.size, part.offset)) for part in upload.parts]
    upload.send(*parts[0])
    bed.strict.keeps = [300_000, 100_000]
    for _ in range(2):  # a connection that breaks in the middle, twice
        with pytest.raises(Unreachable):
            upload.send(*parts[1])
    upload.send(*parts[1])
    bed.strict.faults = [lambda request: Answer(503, headers={"Retry-After": "4"})]
    with pytest.raises(Unavailable) as problem:
        upload.send(*parts[2])
    assert problem.value.retry_after_s == 4.0
    for part in parts[2:]:
        upload.send(*part)
    assert bed.strict.objects["dir/sub/large.bin"].content == content
    sent_bytes = sum(len(request.body) for request in bed.server.seen if request.method == "PUT")
    lost_bytes = (CHUNK - 300_000) + (CHUNK - 400_000) + CHUNK
    assert sent_bytes == len(content) + lost_bytes


def test_a_later_run_goes_on_with_a_session_and_sends_no_part_twice(bed):
    content = content_of(3 * CHUNK)
    artifact = bed.artifact("large.bin", content)
    first = bed.store.begin(artifact, None, {})
    for part in first.parts[:2]:
        first.send(part, FileBody(artifact.absolute_path, part.size, part.offset))
    saved = json.loads(json.dumps(dict(first.saved)))
    second = bed.open().begin(artifact, None, saved)
    assert sorted(second.kept_tags) == [1, 2]
    bed.send(second, artifact)
    assert bed.strict.objects["dir/sub/large.bin"].content == content
    assert bed.strict.received_bytes - len(content) < 1000
    whole = bed.open().begin(artifact, None, saved)
    assert sorted(whole.kept_tags) == [1, 2, 3]

    others = [
        {}, {**saved, "object": "gs://other/x"}, {**saved, "size": 5}, {**saved, "session_url": 3},
        {**saved, "session_url": "https://evil.example/upload/storage/v1/b/x/o?upload_id=1"},
        {**saved, "session_url": bed.server.url + "/upload/storage/v1/b/bucket-1/o?upload_id=none"},
    ]  # fmt: skip
    for other in others:
        assert not bed.store.begin(artifact, None, other).kept_tags


def test_a_session_that_has_ended_begins_anew(bed):
    content = content_of(3 * CHUNK)
    artifact = bed.artifact("large.bin", content)
    upload = bed.store.begin(artifact, None, {})
    parts = [(part, FileBody(artifact.absolute_path, part.size, part.offset)) for part in upload.parts]
    upload.send(*parts[0])
    bed.strict.sessions.clear()
    with pytest.raises(Refused, match="410"):
        upload.send(*parts[1])
    upload.send(*parts[1])
    upload.send(*parts[2])
    assert bed.strict.objects["dir/sub/large.bin"].content == content
    upload.abandon()
    assert list(bed.strict.sessions) == []


def test_answers_that_make_no_sense_are_refused(bed):
    artifact = bed.artifact("large.bin", content_of(2 * CHUNK))
    elsewhere = {"Location": "https://evil.example/upload/storage/v1/b/bucket-1/o?upload_id=1"}
    for answer in (Answer(200), Answer(200, headers=elsewhere)):
        bed.strict.faults = [lambda request, answer=answer: answer]
        with pytest.raises(WireError, match="has no session at http"):
            bed.store.begin(artifact, None, {})
    upload = bed.store.begin(artifact, None, {})
    part = upload.parts[0]
    body = FileBody(artifact.absolute_path, part.size, part.offset)
    for header in ("bytes=0-99999999", "bytes=0-", "lines=0-5", "bytes=5-9"):
        bed.strict.faults = [lambda request, header=header: Answer(308, headers={"Range": header})] * 2
        with pytest.raises(WireError):
            upload.send(part, body)
    small = bed.artifact("small", b"12345")
    upload = bed.store.begin(small, None, {})
    cases = [
        (Answer(200, body=b"<html>"), WireError, "not JSON"),
        (Answer(200, {"size": "4"}), WireError, "gs://bucket-1/dir/sub/small: 4 bytes were stored, not 5"),
        (Answer(200, {}), WireError, "an unknown number of bytes were stored"),
        (Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}"), Unreachable, "EOF"),
        (Answer(403, {"error": {"message": "no"}}), Refused, "POST gs://bucket-1/dir/sub/small: 403: no"),
        (Answer(404, body=b"<html>"), Refused, "404: the answer is an HTML page of something in between$"),
        (Answer(429, headers={"Retry-After": "9"}), Unavailable, "429"),
        (Answer(408), Unavailable, "408"),
        (Answer(302, headers={"Location": "http://127.0.0.1:1/x?s=1"}), Refused, "redirects to http://127.0.0.1:1/x$"),
    ]
    for answer, kind, message in cases:
        bed.strict.faults = [lambda request, answer=answer: answer]
        with pytest.raises(kind, match=message):
            upload.send(upload.parts[0], FileBody(small.absolute_path, 5))


def test_a_refused_token_is_renewed_once(bed):
    bed.strict.faults = [lambda request: Answer(401)]
    bed.upload("a", b"1")
    bed.strict.faults = [lambda request: Answer(401), lambda request: Answer(401)]
    with pytest.raises(Refused, match="401"):
        bed.upload("a", b"1")
    assert bed.server.lines.count("POST /token") == 3


def test_downloads_by_ranges_of_one_generation(bed):
    content = content_of(3000)
    artifact = bed.upload("a.bin", content, sha256="0" * 64)
    head, whole = bed.fetch(artifact)
    assert (head.start_offset, head.whole_bytes, head.version, whole) == (0, 3000, "1", content)
    head, part = bed.fetch(artifact, start_offset=1000, version="1")
    assert (head.start_offset, head.whole_bytes, head.version, part) == (1000, 3000, "1", content[1000:])
    head, part = bed.fetch(artifact, start_offset=10, size=20)
    assert (head.start_offset, part) == (10, content[10:30])
    bed.upload("a.bin", content[::-1])
    head, part = bed.fetch(artifact, start_offset=1000, version="1")
    assert (head.start_offset, head.version, part) == (0, "2", content[::-1])
    with pytest.raises(Refused, match="GET gs://bucket-1/dir/sub/missing: 404: NOT_FOUND: No such object"):
        bed.fetch(Artifact(path="missing", size=0))


def test_a_download_with_another_md5_is_noticed(bed):
    artifact = bed.upload("a.bin", b"right")
    wrong = base64.b64encode(b"0" * 16).decode()
    answer = Answer(200, body=b"wrong", headers={"X-Goog-Hash": f"crc32c=AAAAAA==,md5={wrong}"})
    bed.strict.faults = [lambda request: answer]
    with pytest.raises(Unreachable, match="a.bin: the MD5 of what arrived is"):
        bed.fetch(artifact)
    answer.headers["X-Goog-Stored-Content-Encoding"] = "gzip"  # its checksum is that of the compressed bytes
    bed.strict.faults = [lambda request: answer]
    assert bed.fetch(artifact)[1] == b"wrong"


def test_settings_are_checked_before_anything_is_sent(bed):
    with pytest.raises(ConfigError, match='BUILDKITE_GS_ACL must be one of authenticatedRead, .*, not "public"'):
        bed.open(BUILDKITE_GS_ACL="public").prepare()
    with pytest.raises(ConfigError, match=r"/none \(BUILDKITE_GS_APPLICATION_CREDENTIALS\) cannot be read"):
        names = {"BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON": "", "BUILDKITE_GS_APPLICATION_CREDENTIALS": "/none"}
        bed.open(**names).prepare()
    with pytest.raises(ConfigError, match="BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON is not JSON"):
        bed.open(BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON="{private").prepare()
    for destination in ("gs://", "gs:///path"):
        with pytest.raises(AgentError, match="must be gs://BUCKET/PATH"):
            open_store(destination, None)
    store = bed.open(BUILDKITE_GS_ACL="publicRead")
    store.prepare()
    bed.upload("a", b"1", store)
    bed.upload("b", content_of(CHUNK), store)
    assert {stored.acl for stored in bed.strict.objects.values()} == {"publicRead"}


URLS = [
    ("gs://b/foo/bar", "x y.txt", {}, "https://storage.googleapis.com/b/foo/bar/x%20y.txt"),
    ("gs://b", "x", {}, "https://storage.googleapis.com/b/x"),
    ("gs://b/", "x/y", {}, "https://storage.googleapis.com/b/x/y"),
    ("gs://b//foo//", "../x", {}, "https://storage.googleapis.com/b/x"),
    ("gs://b/foo", "x", {"BUILDKITE_GCS_ACCESS_HOST": "cdn.example"}, "https://cdn.example/b/foo/x"),
    ("gs://b/foo", "x", {"BUILDKITE_GCS_PATH_PREFIX": "p/q"}, "https://storage.googleapis.com/p/q/foo/x"),
    ("gs://b/foo", "x", {"BUILDKITE_GCS_PATH_PREFIX": ""}, "https://storage.googleapis.com/foo/x"),
    ("gs://b/foo", "i.html", {"BUILDKITE_GCS_PATH_SUFFIX": ";tab=live_object"},
     "https://storage.googleapis.com/b/foo/i.html;tab=live_object"),
    ("gs://b/foo", "a\\b", {}, "https://storage.googleapis.com/b/foo/a%5Cb"),
    ("gs://b/foo", "ü?#", {}, "https://storage.googleapis.com/b/foo/%C3%BC%3F%23"),
]  # fmt: skip


@pytest.mark.parametrize("number", range(len(URLS)))
def test_urls_of_records(number):
    destination, path, environ, url = URLS[number]
    assert ObjectFolder.of(destination).url_of(path, environ) == url


FILES = {"out/a.txt": b"text\n", "out/b c.json": b"{}", "out/empty.bin": b"", "out/c.bin": content_of(99_999)}


class Site:
    """A front of Google with the emulator behind it, a control plane that keeps records, and a folder of files."""

    def __init__(self, front, records, emulator_url, folder, accounts):
        self.front, self.records, self.folder = front, records, folder
        front.services.update(dict.fromkeys(google_front.STORAGE_HOSTS, emulator_url))
        document = accounts.document("https://oauth2.googleapis.com", "service_account")
        self.environ = {
            **front.environ(), "BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON": json.dumps(document),
            "BUILDKITE_GS_ACL": "projectPrivate", "PATH": "/usr/bin:/bin", "HOME": str(folder),
        }  # fmt: skip
        self.files = {}
        self.add(FILES)

    def add(self, files):
        self.files.update(files)
        for path, content in files.items():
            (self.folder / path).parent.mkdir(exist_ok=True)
            (self.folder / path).write_bytes(content)

    def run(self, program, *words, cwd=None):
        shared = ["--agent-access-token", "t", "--endpoint", self.records.server.url, "--no-color"]
        ended = subprocess.run(
            [*program, "artifact", *words, *shared], cwd=str(cwd or self.folder), env=self.environ, timeout=120,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip
        assert ended.returncode == 0, ended.stdout
        return ended.stdout

    def upload(self, program, destination):
        """Return what the control plane and the store have of each file afterwards."""
        before, asked = len(self.records.records), len(self.front.seen)
        self.run(program, "upload", "out/*", destination, "--job", "j")
        inserts = [
            request.query for request in self.front.seen[asked:]
            if request.method == "POST" and "/upload/storage" in request.path and "upload_id" not in request.query
        ]  # fmt: skip
        assert len(inserts) == len(self.files) and all("predefinedAcl=projectPrivate" in query for query in inserts)
        fields = ("path", "url", "content_type", "file_size", "sha1sum", "sha256sum", "upload_destination")
        records = self.records.records[before:]
        return {record["path"]: {name: record.get(name) for name in fields} for record in records}

    def objects(self, folder):
        request = type("Get", (), {
            "method": "GET", "target": f"/storage/v1/b/{BUCKET}/o?prefix={folder}", "body": b"", "headers": {},
        })  # fmt: skip
        url = self.front.services["storage.googleapis.com"]
        fields = ("contentType", "contentDisposition", "size", "md5Hash")
        items = json.loads(google_front.forward(request, url).body)["items"]
        return {item["name"].partition("/")[2]: {name: item[name] for name in fields} for item in items}

    def download(self, program, name):
        goal = self.folder / name
        goal.mkdir()
        self.run(program, "download", "*", ".", "--build", "b", cwd=goal)
        assert {path: (goal / path).read_bytes() for path in self.files} == self.files


@pytest.fixture
def site(tmp_path):
    google_accounts.account_key()
    accounts, records = GoogleAccounts(), Records()
    (tmp_path / "front").mkdir()
    (tmp_path / "files").mkdir()
    front = google_front.GoogleFront(tmp_path / "front", accounts)
    with google_storage.start_emulator(BUCKET) as emulator, records.server, front:
        yield Site(front, records, emulator.url, tmp_path / "files", accounts)


def test_sessions_with_an_emulator(bed):
    content = content_of(3 * CHUNK + 7)
    with google_storage.start_emulator(BUCKET) as emulator:
        bed.store = GoogleStorage(ObjectFolder(BUCKET, "x"), bed.store._context, emulator.url)
        artifact = bed.artifact("large.bin", content)
        first = bed.store.begin(artifact, None, {})
        first.send(first.parts[0], FileBody(artifact.absolute_path, CHUNK))
        second = bed.store.begin(artifact, None, first.saved)
        assert sorted(second.kept_tags) == [1]
        bed.send(second, artifact)
        assert bed.fetch(artifact)[1] == content
        assert bed.fetch(artifact, start_offset=CHUNK)[1] == content[CHUNK:]


def test_the_archive_with_an_emulator(site, archive):
    ours = program_of(archive)
    records = site.upload(ours, f"gs://{BUCKET}/ours")
    assert records["out/b c.json"]["url"] == f"https://storage.googleapis.com/{BUCKET}/ours/out/b%20c.json"
    assert site.objects("ours")["out/b c.json"]["contentDisposition"] == 'inline; filename="b c.json"'
    site.download(ours, "back")


@reference.needs_reference
def test_the_reference_and_the_archive_leave_the_same_and_read_each_others(site, archive):
    ours, theirs = program_of(archive), [reference.PROGRAM]
    site.add({"out/large.bin": content_of(17 * 1024 * 1024)})  # the reference sends 16 MiB and more by a session
    left = {name: site.upload(program, f"gs://{BUCKET}/{name}/x") for name, program in (("o", ours), ("t", theirs))}
    assert json.loads(json.dumps(left["o"]).replace(f"{BUCKET}/o/", f"{BUCKET}/t/")) == left["t"]
    assert site.objects("o/x") == site.objects("t/x")
    everything, site.records.records[:] = list(site.records.records), []
    for name, program, destination in (("ours", ours, "/t/x"), ("theirs", theirs, "/o/x")):
        site.records.records[:] = [
            record for record in everything if record["upload_destination"].endswith(destination)
        ]  # fmt: skip
        site.download(program, name)
