"""Uploads and downloads through stores of each kind, and how destinations are told apart."""

import hashlib

import pytest

from bkagent.artifacts.download.download import Query, download
from bkagent.artifacts.stores import table
from bkagent.artifacts.stores.hosted import HostedStore
from bkagent.artifacts.transfer_context import TransferContext
from bkagent.artifacts.upload.options import UploadOptions
from bkagent.artifacts.upload.upload import upload
from bkagent.errors import AgentError, Cancelled
from bkagent.remote.client import Client
from bkagent.shell.cancellation import Cancellation
from bkagent.transport.client.http_client import Pool
from bkagent.transport.retry import constant
from bkagent.wire.artifacts import Action, Artifact, Instructions
from tests.fakes import shelf_store
from tests.fakes.scripted_server import Answer, ScriptedServer

QUICK = constant(3, 0.0)


class Records:
    """A control plane that keeps records alone."""

    def __init__(self):
        self.records, self.documents, self.states = [], [], []
        self.server = ScriptedServer({
            "POST /jobs/j/artifacts": self.create, "PUT /jobs/j/artifacts": self.update,
            "GET /builds/b/artifacts/search": lambda request: Answer(200, self.records),
        })  # fmt: skip

    def create(self, request):
        known = [document["id"] for document in self.documents]
        self.documents.append(request.document)
        if request.document["id"] in known:
            return Answer(201, {"artifact_ids": [record["id"] for record in self.records]})
        destination = request.document["upload_destination"]
        ids = [f"i{len(self.records) + at}" for at in range(len(request.document["artifacts"]))]
        self.records += [
            {**artifact, "id": id, "upload_destination": destination}
            for id, artifact in zip(ids, request.document["artifacts"])
        ]
        return Answer(201, {"artifact_ids": ids})

    def update(self, request):
        self.states += request.document["artifacts"]
        return Answer(200, {})


@pytest.fixture
def bed(monkeypatch, tmp_path):
    shelf_store.install(monkeypatch)
    shelf, records = shelf_store.ShelfServer(), Records()
    with shelf.server, records.server:
        yield Bed(shelf, records, tmp_path)


class Bed:
    def __init__(self, shelf, records, folder):
        self.shelf, self.records, self.folder, self.reports = shelf, records, folder, []
        self.context = TransferContext(
            Client(records.server.url, "t", environ={}, user_agent="agent/1"), str(folder),
            {"SHELF_URL": shelf.server.url}, "agent/1", lambda level, text: self.reports.append((level, text)),
        )  # fmt: skip

    def context_with(self, **fields):
        return self.context._replace(**fields)

    def upload(self, paths, destination, **options):
        return upload(
            self.context,
            "j",
            paths,
            UploadOptions(destination=destination, **options, schedule=QUICK, preparation=QUICK),
        )

    def plant(self, files):
        for name, content in files.items():
            (self.folder / name).write_bytes(content)


FILES = {"empty": b"", "short": b"abc", "long": bytes(range(50))}


@pytest.mark.parametrize("destination", ["shelf://parts", "shelf://line"])
def test_a_store_carries_files_of_any_size_up_and_down(bed, destination):
    bed.plant(FILES)
    assert bed.upload("*", destination) == 3
    assert bed.shelf.objects == FILES
    (document,) = bed.records.documents
    assert document["upload_destination"] == destination
    assert [row["url"] for row in document["artifacts"]] == [
        f"{bed.shelf.server.url}/objects/{row['path']}" for row in document["artifacts"]
    ]
    assert bed.records.states and all(
        set(state) == {"id", "state"} and state["state"] == "finished" for state in bed.records.states
    )
    assert ("info", f'Uploading to Shelf ("{destination}"), using your agent configuration') in bed.reports
    (bed.folder / "down").mkdir()
    download(bed.context, Query("b", "*"), "down", QUICK)
    assert {path.name: path.read_bytes() for path in (bed.folder / "down").iterdir()} == FILES
    for name, content in FILES.items():  # either way the sum is said once
        sha256 = hashlib.sha256(content).hexdigest()
        lines = [text.split()[0] for level, text in bed.reports if level == "info" and sha256 in text]
        assert lines == ["Uploading", "Successfully"], name


@pytest.mark.parametrize("destination", ["shelf://parts", "shelf://line"])
@pytest.mark.parametrize(
    "request_kind", ["GET ready", "POST uploads", "PUT parts", "POST finish", "PUT half", "GET lines"]
)
def test_each_request_is_tried_again(bed, destination, request_kind):
    bed.plant(FILES)
    bed.shelf.faults[request_kind] = [503, 500]
    bed.upload("*", destination)
    assert bed.shelf.objects == FILES


def test_parts_that_a_store_has_already_are_not_sent(bed, monkeypatch):
    bed.plant({"long": FILES["long"]})
    begin = shelf_store.ShelfStore.begin

    def begin_with_kept(self, artifact, instructions, saved):
        begun = begin(self, artifact, instructions, saved)
        upload_id = begun.saved["id"]
        bed.shelf.uploads[upload_id] = {1: FILES["long"][:4], 3: FILES["long"][8:12]}
        begun.kept_tags = {number: f'"{upload_id}-{number}"' for number in (1, 3)}
        return begun

    monkeypatch.setattr(shelf_store.ShelfStore, "begin", begin_with_kept)
    bed.upload("long", "shelf://parts")
    assert bed.shelf.objects == {"long": FILES["long"]}
    assert not {"PUT /parts/u0/1", "PUT /parts/u0/3"} & set(bed.shelf.server.lines)
    assert len([line for line in bed.shelf.server.lines if line.startswith("PUT ")]) == 11


def test_an_upload_that_fails_is_abandoned_once_and_the_rest_arrives(bed):
    bed.plant(FILES)
    bed.shelf.faults["POST finish"] = [500] * 3
    with pytest.raises(AgentError, match="errors uploading artifacts: .*finish/.*: 500: <html>busy</html>"):
        bed.upload("*", "shelf://parts", concurrency=1)  # so that one file has all three faults
    assert len(bed.shelf.abandoned) == 1 and len(bed.shelf.objects) == 2
    assert sorted(state["state"] for state in bed.records.states) == ["error", "finished", "finished"]


def test_a_store_that_is_not_ready_ends_the_upload_before_any_record(bed):
    bed.plant(FILES)
    bed.shelf.faults["GET ready"] = [403]
    with pytest.raises(AgentError, match="^creating uploader: GET .*/ready: 403"):
        bed.upload("*", "shelf://parts")
    assert not bed.records.documents


def test_settings_of_a_store_that_cannot_be_used_are_said_at_once(bed):
    bed.plant(FILES)
    with pytest.raises(AgentError, match="^creating uploader: a shelf has parts or a line, not both$"):
        bed.upload("*", "shelf://both")
    assert not bed.shelf.server.seen and not bed.records.documents


@pytest.mark.parametrize(
    "destination, title",
    [
        ("s3://bucket", "Amazon S3"), ("s3://", "Amazon S3"), ("gs://b/p", "Google Cloud Storage"),
        ("rt://r/p", "Artifactory"), ("https://a.blob.core.windows.net/c/", "Azure Blob storage"),
        ("https://a.blob.core.windows.net/c/d/e", "Azure Blob storage"), ("https://a.blob.core.windows.net/c", ""),
        ("https://a.blob.core.windows.net", ""), ("http://a.blob.core.windows.net/c/", ""),
        ("https://blob.core.windows.net.example/c/", ""), ("S3://b", ""), ("s3:/b", ""), ("https://[/c/", ""),
        ("x", ""),
    ],
)  # fmt: skip
def test_destinations_are_told_apart_as_the_reference_does(destination, title):
    assert [row.title for row in table.STORES if row.names(destination)] == ([title] if title else [])
    assert table.is_destination(destination) == bool(title)
    if not title:
        with pytest.raises(AgentError, match="invalid upload destination: "):
            table.open_store(destination, None)


@pytest.mark.parametrize("destination", ["shelf://parts", "shelf://line"])
def test_an_upload_that_was_stopped_goes_on_in_another_run(bed, destination, tmp_path_factory):
    bed.plant({"long": FILES["long"]})
    bed.context = bed.context_with(
        environ={**bed.context.environ, "HOME": str(tmp_path_factory.mktemp("home"))}, keeps_journal=True
    )
    answer, stop = bed.shelf.server.routes["*"], Cancellation()

    def answer_some(request):
        answered = answer(request)
        if len([line for line in bed.shelf.server.lines if line.startswith("PUT ")]) == 5:
            stop.request()
        return answered

    bed.shelf.server.routes["*"] = answer_some
    whole, bed.context = bed.context, bed.context_with(cancellation=stop)
    with pytest.raises(Cancelled):
        bed.upload("long", destination, concurrency=1)
    bed.shelf.server.routes["*"], bed.context = answer, whole
    first = [line for line in bed.shelf.server.lines if line.startswith("PUT ")]
    bed.upload("long", destination)
    assert bed.shelf.objects == {"long": FILES["long"]}
    sent = [line for line in bed.shelf.server.lines if line.startswith("PUT ")]
    assert len(first) == 5 and len(sent) <= 14  # 13 parts, of which one may have been answered too late
    assert len({document["id"] for document in bed.records.documents}) == 1


def test_a_single_request_has_a_limit_and_parts_have_none():
    store = HostedStore(Pool("http://localhost", {}), "agent/1")
    artifact = Artifact("dir/big", 5 * 1024**3 + 1)
    form = Instructions(Action("http://localhost/", "POST", "/", "file"))
    with pytest.raises(AgentError, match="^dir/big has 5.0 GiB; .* such a request carries 5.0 GiB at most$"):
        store.begin(artifact, form, {})
    store.begin(Artifact("dir/big", 5 * 1024**3), form, {})
    actions = tuple(Action("http://localhost/", "PUT", part_number=number) for number in range(1, 8))
    parts = store.begin(artifact, Instructions(Action("", "POST"), actions), {}).parts
    assert sum(part.size for part in parts) == artifact.size and len(parts) == 7
