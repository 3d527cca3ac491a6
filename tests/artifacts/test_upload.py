"""Uploads against a small control plane with a store of its own."""

import hashlib
import os
import re
import threading

import pytest

from bkagent.artifacts.collect import Selection
from bkagent.artifacts.transfer_context import TransferContext
from bkagent.artifacts.upload import upload
from bkagent.artifacts.upload_options import UploadOptions
from bkagent.errors import AgentError, Cancelled
from bkagent.remote.client import Client
from bkagent.shell.cancellation import Cancellation
from bkagent.transport.retry import constant
from tests.fakes.hosted_storage import HostedStorage
from tests.fakes.scripted_server import Answer, Raw

QUICK = constant(3, 0.0)


@pytest.fixture
def store():
    made = HostedStorage()
    with made.server:
        yield made


def run(store, folder, paths, reports=None, cancellation=None, **options):
    client = Client(store.server.url, "t", environ={}, user_agent="agent/1")
    heard = [] if reports is None else reports
    context = TransferContext(
        client, str(folder), {}, "agent/1", lambda level, text: level != "debug" and heard.append((level, text)),
        cancellation=cancellation,
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


def test_a_dangling_link_ends_the_upload_before_anything_is_sent(store, tmp_path):
    plant(tmp_path, {"a": b"a"})
    os.symlink("nowhere", str(tmp_path / "b"))
    with pytest.raises(AgentError, match="collecting artifacts: building artifact: opening file .*/b: "):
        run(store, tmp_path, "*")
    assert not store.server.seen


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


def test_an_upload_under_way_stops_when_asked(store, tmp_path):
    plant(tmp_path, {"a": b"a"})
    entered, hold, cancellation = threading.Event(), threading.Event(), Cancellation()

    def silent(request):
        entered.set()
        hold.wait(30)
        return Answer(204)

    store.server.routes["POST /form"] = silent
    caught = []

    def work():
        try:
            run(store, tmp_path, "a", cancellation=cancellation)
        except AgentError as problem:
            caught.append(problem)

    thread = threading.Thread(target=work)
    thread.start()
    assert entered.wait(20)
    cancellation.request()
    thread.join(20)
    assert not thread.is_alive() and isinstance(caught[0], Cancelled)
    hold.set()


def test_an_upload_that_waits_for_another_try_stops_when_asked(store, tmp_path):
    plant(tmp_path, {"a": b"a"})
    cancellation = Cancellation()

    def refuse(request):
        threading.Thread(target=cancellation.request).start()
        return Answer(500, headers={"Retry-After": "600"})

    store.server.routes["POST /jobs/j/artifacts"] = refuse
    with pytest.raises(Cancelled):
        run(store, tmp_path, "a", cancellation=cancellation)


def test_a_large_file_that_changes_after_it_was_read_is_an_error(store, tmp_path):
    plant(tmp_path, {"a": b"long content" * 10_000})
    answer = store.create

    def shrink_and_create(request):
        plant(tmp_path, {"a": b"x"})
        return answer(request)

    store.server.routes["POST /jobs/j/artifacts"] = shrink_and_create
    with pytest.raises(AgentError, match="has become shorter"):
        run(store, tmp_path, "a")
    assert list(store.states.values()) == ["error"]


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


def test_a_file_that_disappears_is_named_and_what_was_before_it_arrives(store, tmp_path):
    plant(tmp_path, {f"f/{number:03}": b"%d" % number for number in range(400)})
    answer = store.create

    def remove_and_create(request):
        (tmp_path / "f" / "399").unlink(missing_ok=True)
        return answer(request)

    store.server.routes["POST /jobs/j/artifacts"] = remove_and_create
    with pytest.raises(AgentError, match="building artifact: opening file .*/f/399"):
        run(store, tmp_path, "f/*")
    assert len(store.content) == 390 and list(store.states.values()) == ["finished"] * 390
