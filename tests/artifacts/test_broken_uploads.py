"""Uploads that meet defects, a system without threads, files that change at any moment, and instructions of no use."""

import hashlib
import os
import sys

import pytest

from bkagent.artifacts.stores.hosted import HostedStore
from bkagent.artifacts.upload import sender
from bkagent.artifacts.upload.whole_files import WholeFiles
from bkagent.errors import AgentError
from bkagent.remote.commands import artifacts as records
from bkagent.transport import work_threads
from tests.artifacts.test_upload import plant, run
from tests.fakes.hosted_storage import HostedStorage
from tests.fakes.scripted_server import Answer

LARGE_BYTES = 100_000  # more than is sent from memory


@pytest.fixture
def defects(monkeypatch):
    """Return what the edges of threads have handed on."""
    caught = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, defect, trace: caught.append(defect))
    return caught


def break_for_one(monkeypatch, method):
    ordinary = getattr(HostedStore, method)

    def fail_for_one(self, artifact, *others):
        if artifact.path == "bad":
            raise KeyError("a defect")
        return ordinary(self, artifact, *others)

    monkeypatch.setattr(HostedStore, method, fail_for_one)


@pytest.mark.parametrize(
    "methods, size", [(("begin",), LARGE_BYTES), (("whole_request", "begin"), 10)], ids=["large", "small"]
)
def test_a_defect_fails_one_artifact_and_never_goes_unnoticed(tmp_path, monkeypatch, defects, methods, size):
    for method in methods:
        break_for_one(monkeypatch, method)
    store = HostedStorage()
    plant(tmp_path, {"a": b"a", "bad": b"b" * size, "c": b"c" * LARGE_BYTES})
    with store.server, pytest.raises(AgentError, match="errors uploading artifacts: bad: an internal error has ended"):
        run(store, tmp_path, "*")
    assert sorted(store.content) == ["a", "c"] and [type(defect) for defect in defects] == [KeyError]
    assert {store.records[id]["path"]: state for id, state in store.states.items()} == {
        "a": "finished", "bad": "error", "c": "finished",
    }  # fmt: skip


@pytest.mark.parametrize("files_count", [1, 3])
def test_a_defect_while_states_are_reported_fails_the_upload(tmp_path, monkeypatch, defects, files_count):
    def fail(*arguments, **others):
        raise KeyError("a defect")

    monkeypatch.setattr(records, "update", fail)
    store = HostedStorage()
    plant(tmp_path, {f"f{number}": b"x" for number in range(files_count)})
    with store.server, pytest.raises(AgentError, match="an internal error has ended the report of what has arrived"):
        run(store, tmp_path, "*")
    assert len(store.content) == files_count and defects


def test_a_small_file_for_which_no_request_can_be_made_goes_the_way_of_large_ones(tmp_path, monkeypatch):
    break_for_one(monkeypatch, "whole_request")
    store = HostedStorage()
    plant(tmp_path, {"a": b"a", "bad": b"b"})
    with store.server:
        run(store, tmp_path, "*")
    assert store.content == {"a": b"a", "bad": b"b"}


class NoThreads:
    """A system that gives no threads."""

    @staticmethod
    def start_new_thread(function, arguments):
        raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("parts_count", [0, 3])
def test_an_upload_needs_no_thread_that_the_system_does_not_give(tmp_path, monkeypatch, parts_count):
    monkeypatch.setattr(work_threads, "_thread", NoThreads)
    store = HostedStorage(parts_count)
    plant(tmp_path, {"big": b"b" * LARGE_BYTES})
    with store.server:
        run(store, tmp_path, "big")
    assert store.states == {"id0": "finished"}


@pytest.mark.parametrize("url", ["http://[", "http://xn--\u00fc/", "http://127.0.0.1:99999/", "gopher://x/"])
@pytest.mark.parametrize("size", [10, LARGE_BYTES], ids=["small", "large"])
def test_instructions_with_a_url_of_no_use_fail_the_upload(tmp_path, url, size):
    store = HostedStorage()
    form = {"action": {"url": url, "method": "POST", "path": "form", "file_input": "file"}, "data": {}}
    store.server.routes["POST /jobs/j/artifacts"] = Answer(
        201, {"artifact_ids": ["id0", "id1"], "upload_instructions": form}
    )
    plant(tmp_path, {"a": b"a" * size, "b": b"b" * size})
    with store.server, pytest.raises(AgentError, match="errors uploading artifacts: (a|b): .*; (b|a): "):
        run(store, tmp_path, "*")
    assert set(store.states.values()) == {"error"} and len(store.states) == 2


@pytest.mark.parametrize("size", [10, LARGE_BYTES], ids=["small", "large"])
@pytest.mark.parametrize(
    "store_by_job", [None, lambda *request: pytest.fail("a proxy is passed by")], ids=["own", "job"]
)
def test_a_proxy_of_no_use_fails_the_upload_and_is_named(tmp_path, size, store_by_job):
    store = HostedStorage()
    form = {"action": {"url": "http://storage.invalid/", "method": "POST", "path": "form", "file_input": "file"}}
    store.server.routes["POST /jobs/j/artifacts"] = Answer(
        201, {"artifact_ids": ["id0", "id1"], "upload_instructions": form}
    )
    plant(tmp_path, {"a": b"a" * size, "b": b"b" * size})
    environ, reports = {"HTTP_PROXY": "socks5://proxy:1"}, []
    with store.server, pytest.raises(AgentError, match="the proxy in HTTP_PROXY must be an http:// "):
        run(store, tmp_path, "*", reports, environ=environ, store_by_job=store_by_job)
    assert store.states == {"id0": "error", "id1": "error"}
    assert not any("retrying" in text.lower() for _, text in reports)


def test_a_defect_in_the_thread_that_submits_ends_the_upload(tmp_path, monkeypatch):
    def fail(self, sending, content):
        raise KeyError("a defect")

    monkeypatch.setattr(WholeFiles, "send", fail)
    store = HostedStorage()
    plant(tmp_path, {"a": b"a", "b": b"b"})
    monkeypatch.setattr(sender, "_STOP_LIMIT_S", 0.0)
    with store.server, pytest.raises(KeyError):
        run(store, tmp_path, "*")


@pytest.mark.parametrize("has_threads", [True, False])
def test_a_file_that_the_job_could_not_send_is_announced_and_counted_once(tmp_path, monkeypatch, has_threads):
    if not has_threads:
        monkeypatch.setattr(work_threads, "_thread", NoThreads)
    store, reports = HostedStorage(), []
    plant(tmp_path, {"a": b"a"})
    with store.server:
        run(store, tmp_path, "a", reports, store_by_job=lambda *request: None)
    texts = [text for _, text in reports]
    assert store.content == {"a": b"a"} and sum(text.startswith("Uploading id0 a ") for text in texts) == 1
    assert " work_units=1 " in texts[-1]


@pytest.mark.parametrize("after_count", [1, 2, 3])
def test_a_file_that_changes_between_its_parts_is_never_stored_under_a_wrong_sum(tmp_path, after_count):
    store, taken, shown = HostedStorage(4), [], ShownProgress()
    content = os.urandom(LARGE_BYTES)
    plant(tmp_path, {"a": bytes(LARGE_BYTES)})

    def take_and_change(request):
        taken.append(request.path)
        if len(taken) == after_count:
            plant(tmp_path, {"a": content})
        return store.take(request)

    store.server.routes["*"] = take_and_change
    with store.server:
        run(store, tmp_path, "a", view=shown, concurrency=1)
    (finished,) = [id for id, state in store.states.items() if state == "finished"]
    assert b"".join(store.parts[finished][number] for number in range(1, 5)) == content
    assert store.records[finished]["sha256sum"] == hashlib.sha256(content).hexdigest()
    assert store.states == {"id0": "error", "id1": "finished"}
    assert shown.bytes[-1] == LARGE_BYTES and set(shown.files) == {0}  # the end of a file alone shows nothing


@pytest.mark.parametrize("status", [301, 302])
@pytest.mark.parametrize("parts_count, size", [(0, 10), (0, LARGE_BYTES), (2, LARGE_BYTES)])
def test_a_page_that_a_redirect_leads_to_is_no_success(tmp_path, status, parts_count, size):
    store = HostedStorage(parts_count)
    store.server.routes["*"] = Answer(status, headers={"Location": "/login?ticket=secret"})
    store.server.routes["GET /login"] = Answer(200, body=b"<html>", headers={"ETag": '"1"'})
    plant(tmp_path, {"a": b"a" * size})
    with store.server, pytest.raises(AgentError, match=f": {status}.* .the storage names /login instead.$"):
        run(store, tmp_path, "a")
    assert store.states == {"id0": "error"}


@pytest.mark.parametrize("parts_count, size", [(0, 10), (0, LARGE_BYTES), (2, LARGE_BYTES)])
def test_a_page_of_something_in_between_is_no_success(tmp_path, parts_count, size):
    store = HostedStorage(parts_count)
    store.server.routes["*"] = Answer(200, body=b"\n<!DOCTYPE html><html>Sign in</html>", headers={"ETag": '"1"'})
    plant(tmp_path, {"a": b"a" * size})
    with store.server, pytest.raises(
        AgentError, match=": 200, and the answer is a page, not the storage's; is there a"
    ):
        run(store, tmp_path, "a")
    assert store.states == {"id0": "error"}


def test_a_page_for_what_was_created_is_that_of_webdav(tmp_path):
    store = HostedStorage()
    store.server.routes["*"] = Answer(201, body=b"<!DOCTYPE HTML><html><title>201 Created</title></html>")
    plant(tmp_path, {"a": b"a", "b": b"b" * LARGE_BYTES})
    with store.server:
        run(store, tmp_path, "a;b")
    assert set(store.states.values()) == {"finished"}


def test_a_redirect_that_keeps_the_method_is_followed_with_the_file(tmp_path):
    store = HostedStorage()
    take, moved = store.take, Answer(307, headers={"Location": "/form?q=1"})
    store.server.routes["POST /form"] = lambda request: take(request) if len(store.server.seen) > 3 else moved
    plant(tmp_path, {"a": b"a" * LARGE_BYTES})
    with store.server:
        run(store, tmp_path, "a")
    assert store.content == {"a": b"a" * LARGE_BYTES}


class ShownProgress:
    """A view that keeps all that it is shown, as often as bytes move."""

    pause_s = 0.0

    def __init__(self):
        self.percents, self.bytes, self.files = [], [], []

    def show(self, progress):
        self.percents.append(progress.percent)
        self.bytes.append(progress.bytes_done)
        self.files.append(progress.files_done)

    def end(self):
        pass


@pytest.mark.parametrize("parts_count", [0, 3])
@pytest.mark.parametrize("size", [10, LARGE_BYTES], ids=["small", "large"])
def test_a_file_is_done_with_only_when_the_store_has_taken_it(tmp_path, parts_count, size):
    store, refused, taken = HostedStorage(parts_count), ShownProgress(), ShownProgress()
    plant(tmp_path, {"a": b"a" * size})
    with store.server:
        store.faults["a"] = [403] * 3 * max(1, parts_count)
        with pytest.raises(AgentError, match="403"):
            run(store, tmp_path, "a", view=refused)
        assert all(percent < 100 for percent in refused.percents) and refused.bytes[-1:] in ([], [0])
        store.faults["a"] = [403]
        run(store, tmp_path, "a", view=taken)
    assert taken.percents[-1] == 100 and all(percent < 100 for percent in taken.percents[:-1])
    assert taken.bytes[-1] == size
