"""Uploads against a small control plane with a store of its own."""

import hashlib
import os
import re
import threading

import pytest

from bkagent.artifacts.file_identity import FileIdentity
from bkagent.artifacts.transfer_context import TransferContext
from bkagent.artifacts.upload.finding.collect import Selection
from bkagent.artifacts.upload.options import UploadOptions
from bkagent.artifacts.upload.steps import SendingSteps
from bkagent.artifacts.upload.upload import upload
from bkagent.errors import AgentError, Cancelled
from bkagent.remote.client import Client
from bkagent.shell.cancellation import Cancellation
from bkagent.transport.retry import constant
from tests.fakes.conditions import until
from tests.fakes.hosted_storage import HostedStorage
from tests.fakes.scripted_server import Answer, Raw

QUICK = constant(3, 0.0)
LARGE = 10_000  # times a few bytes: more than is sent from memory


@pytest.fixture
def store():
    made = HostedStorage()
    with made.server:
        yield made


def run(store, folder, paths, reports=None, cancellation=None, view=None, environ=None, store_by_job=None, **options):
    client = Client(store.server.url, "t", environ={}, user_agent="agent/1")
    heard = [] if reports is None else reports
    context = TransferContext(
        client, str(folder), environ or {}, "agent/1",
        lambda level, text: level != "debug" and heard.append((level, text)),
        cancellation=cancellation, view=view, store_by_job=store_by_job,
    )  # fmt: skip
    return upload(context, "j", paths, UploadOptions(schedule=QUICK, **options))


def plant(folder, files):
    for name, content in files.items():
        path = os.path.join(str(folder), name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(content)


def test_files_arrive_with_their_records_and_states(store, tmp_path):
    files = {"a.txt": b"aaa\n", "d/empty": b"", "d/b.bin": bytes(range(256)) * 300, 'odd "name".txt': b"q"}
    plant(tmp_path, files)
    reports = []
    assert run(store, tmp_path, "**/*", reports) == 4
    assert {path.replace('\\"', '"'): content for path, content in store.content.items()} == files
    by_path = {record["path"]: record for record in store.records.values()}
    record = by_path["a.txt"]
    assert record["absolute_path"] == str(tmp_path / "a.txt") and record["file_size"] == 4
    assert record["sha1sum"] == hashlib.sha1(b"aaa\n").hexdigest()
    assert record["sha256sum"] == hashlib.sha256(b"aaa\n").hexdigest()
    assert (record["content_type"], by_path["d/empty"]["content_type"]) == ("text/plain", "binary/octet-stream")
    assert set(store.states.values()) == {"finished"} and len(store.states) == 4
    texts = [text for _, text in reports]
    assert texts[1] == 'Found 4 files that match "**/*"'
    assert "Creating (0-4)/4 artifacts" in texts and "Artifact uploads completed successfully" in texts
    assert texts[-1].startswith("Artifact upload timings: collect=") and " artifacts=4 " in texts[-1]


def test_many_files_go_in_batches_of_thirty(store, tmp_path):
    plant(tmp_path, {f"f/{number:03}": b"%d" % number for number in range(95)})
    assert run(store, tmp_path, "f/*") == 95
    assert sorted(len(ids) for ids in store.batches.values()) == [5, 30, 30, 30]
    assert len(store.content) == 95 and len(store.states) == 95


def answer_first(store, answers):
    """Have the first requests for records answered so; what comes after is answered as ever."""
    left, create = list(answers), store.create
    store.server.routes["POST /jobs/j/artifacts"] = lambda request: left.pop(0) if left else create(request)


CHUNKED = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "words"),
    (
        (Answer(503), "503 Service Unavailable"),
        (Answer(429, headers={"Retry-After": "0"}), "429"),
        (Answer(200, body=b"<html>"), "200 came without valid JSON"),
        (Raw(b""), None),
        (Raw(CHUNKED), None),
        (Answer(307, headers={"Location": "/jobs/j/artifacts"}), None),
    ),
)
def test_a_batch_that_is_not_created_at_once_is_tried_again_under_its_id(store, tmp_path, first, words):
    plant(tmp_path, {f"f/{number:03}": b"%d" % number for number in range(95)})
    reports = []
    answer_first(store, [first])
    assert run(store, tmp_path, "f/*", reports) == 95
    assert sorted(len(ids) for ids in store.batches.values()) == [5, 30, 30, 30]
    assert len(store.content) == 95 and set(store.states.values()) == {"finished"}
    told = [text for level, text in reports if level == "warn"]
    assert (words is None and not told) or any(words in text and "(Attempt 1/10 Retrying" in text for text in told)


@pytest.mark.parametrize(
    ("first", "words"), ((Answer(422, {"message": "no"}), "422 .*no"), (Answer(201, {"artifact_ids": ["x"]}), "ids"))
)
def test_a_batch_of_several_that_is_refused_ends_the_upload_after_one_try(store, tmp_path, first, words):
    plant(tmp_path, {f"f/{number:03}": b"%d" % number for number in range(35)})
    form = {"action": {"url": store.server.url, "path": "x", "file_input": "f"}, "data": {}}
    if first.status == 201:
        first = Answer(201, {"artifact_ids": ["x"], "upload_instructions": form})
    answer_first(store, [first] * 4)
    with pytest.raises(AgentError, match=words):
        run(store, tmp_path, "f/*")
    assert len([request for request in store.server.seen if request.method == "POST"]) <= 2


def test_nothing_found_is_no_failure(store, tmp_path):
    reports = []
    assert run(store, tmp_path, "none*;missing", reports) == 0
    assert reports == [("warn", "Couldn't walk path missing"), ("info", "No files matched paths: none*;missing")]
    assert not store.server.seen


def test_parts_differ_by_a_byte_and_their_etags_are_told(tmp_path):
    store = HostedStorage(parts_count=3)
    with store.server:
        plant(tmp_path, {"big": b"0123456789", "tiny": b"x"})
        run(store, tmp_path, "big;tiny")
    ids = {record["path"]: id for id, record in store.records.items()}
    assert [store.parts[ids["big"]][number] for number in (1, 2, 3)] == [b"0123", b"456", b"789"]
    assert [store.parts[ids["tiny"]][number] for number in (1, 2, 3)] == [b"x", b"", b""]
    assert [part["part_number"] for part in store.etags[ids["big"]]] == [1, 2, 3]
    assert [part["etag"] for part in store.etags[ids["big"]]] == ['"1"', '"2"', '"3"']


def test_a_store_that_fails_for_a_while_is_tried_again(store, tmp_path):
    plant(tmp_path, {"a": b"a", "b": b"b"})
    store.faults["a"] = [503, 403]
    reports = []
    run(store, tmp_path, "a;b", reports)
    assert store.content == {"a": b"a", "b": b"b"}
    assert any("<Error>no</Error>" in text and level == "warn" for level, text in reports)


def test_what_cannot_be_uploaded_is_named_and_the_rest_arrives(store, tmp_path):
    plant(tmp_path, {"a": b"a", "b": b"b"})
    store.faults["a"] = [500] * 9
    with pytest.raises(AgentError, match="errors uploading artifacts: a: POST .*/form: 500"):
        run(store, tmp_path, "a;b")
    states = {store.records[id]["path"]: state for id, state in store.states.items()}
    assert states == {"a": "error", "b": "finished"}


def test_a_part_that_fails_gives_the_artifact_up_once(tmp_path):
    store = HostedStorage(parts_count=4)
    with store.server:
        plant(tmp_path, {"big": b"0" * 4000})
        store.faults["big"] = [500] * 40
        with pytest.raises(AgentError, match="big"):
            run(store, tmp_path, "big")
    assert list(store.states.values()) == ["error"]


def test_a_refused_batch_ends_the_upload(store, tmp_path):
    store.server.routes["POST /jobs/j/artifacts"] = (403, {"message": "quota"})
    plant(tmp_path, {"a": b"a"})
    with pytest.raises(AgentError, match="403 Forbidden: quota"):
        run(store, tmp_path, "a")
    assert store.server.lines == ["POST /jobs/j/artifacts"]


def test_a_dangling_link_is_named_and_the_rest_arrives(store, tmp_path):
    plant(tmp_path, {"a": b"a"})
    os.symlink("nowhere", str(tmp_path / "b"))
    with pytest.raises(AgentError, match="^errors uploading artifacts: b: building artifact: opening file .*/b: "):
        run(store, tmp_path, "*")
    assert store.content == {"a": b"a"} and store.states == {"id0": "finished"}


@pytest.mark.parametrize("destination", ["ftp://x", "s4://b/p"])
def test_other_destinations_are_refused_by_name(store, tmp_path, destination):
    plant(tmp_path, {"a": b"a"})
    with pytest.raises(AgentError, match="creating uploader: .*" + re.escape(destination)):
        run(store, tmp_path, "a", destination=destination)
    assert not store.server.seen


def test_options_reach_the_records(store, tmp_path):
    plant(tmp_path, {"a*b": b"a", "axb": b"b"})
    run(store, tmp_path, "a*b", selection=Selection(literal=True), content_type="x/y", multipart=False, concurrency=1)
    (record,) = store.records.values()
    assert (record["path"], record["content_type"]) == ("a*b", "x/y")
    assert "multipart_supported" not in store.server.seen[0].document


def test_a_name_that_is_no_utf8_goes_as_text(store, tmp_path):
    name = os.fsdecode(b"caf\xe9.txt")
    try:
        plant(tmp_path, {name: b"x"})
    except OSError:
        pytest.skip("this file system takes only UTF-8 names")
    run(store, tmp_path, "*")
    assert store.content == {"caf\ufffd.txt": b"x"}


@pytest.mark.parametrize("size", [1, 100_000])
def test_an_upload_under_way_stops_when_asked(store, tmp_path, monkeypatch, size):
    plant(tmp_path, {"a": b"a" * size})
    reports, stop_all = [], SendingSteps.stop_all

    def stop_late(steps):  # when their connections have been closed already, and threads have noticed
        until(lambda: not steps.are_open)
        stop_all(steps)

    monkeypatch.setattr(SendingSteps, "stop_all", stop_late)
    entered, hold, cancellation = threading.Event(), threading.Event(), Cancellation()

    def silent(request):
        entered.set()
        hold.wait(30)
        return Answer(204)

    store.server.routes["POST /form"] = silent
    caught = []

    def work():
        try:
            run(store, tmp_path, "a", reports, cancellation=cancellation)
        except AgentError as problem:
            caught.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(20)
    cancellation.request()
    thread.join(20)
    assert not thread.is_alive() and isinstance(caught[0], Cancelled)
    hold.set()
    assert store.states == {} and {level for level, _ in reports} == {"info"}


def test_an_upload_that_waits_for_another_try_stops_when_asked(store, tmp_path):
    plant(tmp_path, {"a": b"a"})
    cancellation = Cancellation()

    def refuse(request):
        threading.Thread(target=cancellation.request).start()
        return Answer(500, headers={"Retry-After": "600"})

    store.server.routes["POST /jobs/j/artifacts"] = refuse
    with pytest.raises(Cancelled):
        run(store, tmp_path, "a", cancellation=cancellation)


def test_a_small_file_that_changes_after_it_was_read_is_sent_as_it_was(store, tmp_path):
    plant(tmp_path, {"a": b"long content"})
    answer = store.create

    def grow_and_create(request):
        plant(tmp_path, {"a": b"longer content"})
        return answer(request)

    store.server.routes["POST /jobs/j/artifacts"] = grow_and_create
    run(store, tmp_path, "a")
    assert list(store.content.values()) == [b"long content"] and list(store.states.values()) == ["finished"]


@pytest.mark.parametrize("size", (10, 100_000))
def test_a_request_that_fails_is_tried_as_often_as_the_schedule_says(store, tmp_path, size):
    plant(tmp_path, {"a": b"a" * size})
    store.faults = {"a": [503] * 10}
    with pytest.raises(AgentError, match="503"):
        run(store, tmp_path, "a")
    assert store.server.lines.count("POST /form") == 3


def test_small_and_large_files_of_one_batch_arrive(store, tmp_path):
    content = {f"{at}": bytes([at]) * (at % 3 * 50_000 + 1) for at in range(70)}
    plant(tmp_path, content)
    assert run(store, tmp_path, "*") == 70
    assert store.content == content
    assert sorted(len(ids) for ids in store.batches.values()) == [10, 30, 30] and set(store.states.values()) == {
        "finished"
    }


def test_answers_that_are_no_plain_ones_are_read_all_the_same(store, tmp_path):
    take = store.take

    def answer_in_chunks(request):
        take(request)
        return Raw(b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n")

    store.server.routes["*"] = answer_in_chunks
    plant(tmp_path, {f"{at}": b"content" for at in range(10)})
    assert run(store, tmp_path, "*") == 10
    assert len(store.content) == 10 and set(store.states.values()) == {"finished"}


def test_a_small_file_that_disappears_is_named_and_the_rest_arrives(store, tmp_path):
    plant(tmp_path, {f"f/{number:03}": b"%d" % number for number in range(400)})
    answer = store.create

    def remove_and_create(request):
        (tmp_path / "f" / "399").unlink(missing_ok=True)
        return answer(request)

    store.server.routes["POST /jobs/j/artifacts"] = remove_and_create
    with pytest.raises(AgentError, match="building artifact: opening file .*/f/399"):
        run(store, tmp_path, "f/*")
    assert len(store.content) == 399 and list(store.states.values()) == ["finished"] * 399


def change_at_creation(store, folder, contents):
    """Write the next of these contents whenever records are created."""
    answer = store.create

    def change_and_create(request):
        if contents:
            plant(folder, {"a": contents.pop(0)})
        return answer(request)

    store.server.routes["POST /jobs/j/artifacts"] = change_and_create


@pytest.mark.parametrize("parts_count", [0, 3])
@pytest.mark.parametrize("content", [b"x", b"LONG CONTENT" * LARGE, b"longer content than before" * LARGE])
def test_a_file_that_changes_after_it_was_read_becomes_a_new_artifact(tmp_path, parts_count, content):
    store, reports = HostedStorage(parts_count), []
    with store.server:
        plant(tmp_path, {"a": b"long content" * LARGE, "b": b"b"})
        change_at_creation(store, tmp_path, [content])
        assert run(store, tmp_path, "a;b", reports) == 2
    ids = {state: id for id, state in store.states.items() if store.records[id]["path"] == "a"}
    by_state = {state: store.records[id] for state, id in ids.items()}
    assert sorted(by_state) == ["error", "finished"]
    assert by_state["finished"]["sha256sum"] == hashlib.sha256(content).hexdigest()
    finished = next(
        id for id, state in store.states.items() if state == "finished" and store.records[id]["path"] == "a"
    )
    stored = store.content["a"] if not parts_count else b"".join(store.parts[finished][at] for at in (1, 2, 3))
    assert stored == content
    assert [text for level, text in reports if level == "warn"] == [
        f"Artifact a could not be uploaded: {tmp_path}/a has changed since it was read"
    ]


def test_a_file_that_always_changes_is_given_up_by_name(store, tmp_path):
    plant(tmp_path, {"a": b"0" * 100_000, "b": b"b"})
    change_at_creation(store, tmp_path, [b"%d" % number * 100_000 for number in range(4)])
    with pytest.raises(AgentError, match="^errors uploading artifacts: a: .*/a has changed since it was read$"):
        run(store, tmp_path, "a;b")
    assert len(store.records) == 4 and list(store.content) == ["b"]


def test_a_change_that_leaves_no_sign_but_the_content_is_noticed(store, tmp_path, monkeypatch):
    plant(tmp_path, {"a": b"before" * 2 * LARGE})
    create = store.create

    def change_in_secret(request):
        with open(tmp_path / "a", "r+b") as file:
            file.write(b"%06d" % len(store.batches))
        return create(request)

    store.server.routes["POST /jobs/j/artifacts"] = change_in_secret
    # As on a system whose times have a grain: all that is left is the sum.
    monkeypatch.setattr(FileIdentity, "is_of", lambda self, now: self.size == now.st_size)
    with pytest.raises(AgentError, match="has changed since it was read"):
        run(store, tmp_path, "a")
    assert store.content == {} and len(store.records) == 3


@pytest.mark.parametrize("parts_count", [0, 2])
def test_a_file_that_disappears_is_named_and_the_rest_arrives(tmp_path, parts_count):
    store = HostedStorage(parts_count)
    create = store.create

    def remove_and_create(request):
        if (tmp_path / "a").exists():
            os.unlink(tmp_path / "a")
        return create(request)

    store.server.routes["POST /jobs/j/artifacts"] = remove_and_create
    with store.server:
        plant(tmp_path, {"a": b"a" * 100_000, "b": b"b"})
        with pytest.raises(AgentError, match="errors uploading artifacts: a: cannot read .*/a: No such file"):
            run(store, tmp_path, "a;b")
    assert {store.records[id]["path"]: state for id, state in store.states.items()} == {"a": "error", "b": "finished"}


def test_a_file_that_has_gone_before_it_is_read_is_named_and_the_rest_arrives(store, tmp_path):
    plant(tmp_path, {"a": b"a", "b": b"b"})
    heard = []

    def remove(level, text):
        heard.append((level, text))
        if text.startswith("Found 2"):
            os.unlink(tmp_path / "a")

    client = Client(store.server.url, "t", environ={}, user_agent="agent/1")
    with pytest.raises(AgentError, match="uploading artifacts: a: building artifact: opening file .*/a: no such file"):
        upload(TransferContext(client, str(tmp_path), {}, "agent/1", remove), "j", "a;b", UploadOptions(schedule=QUICK))
    assert store.content == {"b": b"b"} and list(store.states.values()) == ["finished"]
