"""Downloads: where files go, whole or not at all."""

import hashlib
import json
import os
import random
import stat
import threading
from contextlib import closing

import pytest

from bkagent.artifacts.download.destination_folder import DestinationFolder, open_folder
from bkagent.artifacts.download.download import Query, download
from bkagent.artifacts.download.paths import steps
from bkagent.artifacts.transfer_context import TransferContext
from bkagent.errors import AgentError, Cancelled
from bkagent.remote.client import Client
from bkagent.shell.cancellation import Cancellation
from bkagent.transport.retry import constant
from tests.fakes.scripted_server import Answer, Raw, ScriptedServer

VECTORS = os.path.join(os.path.dirname(__file__), "..", "data", "vectors", "download.json")
with open(VECTORS, encoding="utf-8") as file:
    RECORDED = json.load(file)["cases"]


def target(destination, path, windows=False):
    separator = "\\" if windows else "/"
    parts = steps(destination, path, windows=windows)
    return separator.join([destination.rstrip(separator), *parts])


@pytest.mark.parametrize("case", RECORDED, ids=lambda case: case["name"])
def test_recorded_targets(case):
    assert target(case["destination"], case["artifact_path"]) == case["path"]


@pytest.mark.parametrize("is_put, counted", [(True, 5), (False, 0)])
def test_bytes_of_a_file_that_does_not_stay_do_not_count(tmp_path, is_put, counted):
    counts = []
    with closing(open_folder(str(tmp_path))) as root, DestinationFolder(root, str(tmp_path), False).new_file(
        ["x"], "", counts.append
    ) as file:
        file.write(b"abc")
        file.write_at(3, b"de")
        if is_put:
            file.take_in(2)
            file.put()
    assert sum(counts) == counted and (tmp_path / "x").exists() == is_put


def test_a_destination_at_the_top_stays_absolute():
    assert target("/w", "w/x") == "/w/x"


def test_no_path_leads_outside():
    chance = random.Random(3)
    for _ in range(20_000):
        path = "".join(chance.choice(["..", "/", "a", ".", "w", "\\", ":", " "]) for _ in range(chance.randrange(10)))
        found = target("/x/w", path)
        assert os.path.normpath(found) == "/x/w" or os.path.normpath(found).startswith("/x/w/"), path
        try:
            found = target("C:\\x\\w", path, windows=True)
        except AgentError:
            continue
        assert found == "C:\\x\\w" or found.startswith("C:\\x\\w\\")
        assert ".." not in found.split("\\") and ":" not in found[2:]


class Shelf:
    """A control plane that has artifacts."""

    def __init__(self, files):
        self.server = ScriptedServer()
        rows = []
        for number, (path, content) in enumerate(files.items()):
            self.server.routes[f"GET /get/{number}"] = Answer(200, body=content)
            rows.append({
                "path": path, "file_size": len(content), "url": f"{self.server.url}/get/{number}",
                "sha256sum": hashlib.sha256(content).hexdigest(),
            })  # fmt: skip
        self.rows = rows
        self.server.routes["GET /builds/b/artifacts/search"] = Answer(200, rows)

    def run(self, folder, destination=".", reports=None, cancellation=None, text="*"):
        heard = [] if reports is None else reports
        context = TransferContext(
            Client(self.server.url, "t", environ={}, user_agent="agent/1"), str(folder), {}, "agent/1",
            lambda level, text: heard.append((level, text)), cancellation=cancellation,
        )  # fmt: skip
        return download(context, Query("b", text), destination, constant(3, 0.0))


def shelf(files):
    return Shelf(files)


def read(path):
    with open(str(path), "rb") as file:
        return file.read()


def test_files_arrive_below_the_folder(tmp_path):
    files = {
        "dist/app.txt": b"text\n",
        "dist/deep/b": os.urandom(700_000),
        "win\\x.txt": b"w",
        "../../evil": b"e",
        "/abs": b"a",
    }
    made, reports = shelf(files), []
    with made.server:
        assert made.run(tmp_path, reports=reports) == 5
        assert all("authorization" not in request.headers for request in made.server.seen if "/get/" in request.path)
    places = ["dist/app.txt", "dist/deep/b", "win/x.txt", "evil", "abs"]
    assert [read(tmp_path / place) for place in places] == list(files.values())
    digest = hashlib.sha256(b"text\n").hexdigest()
    assert ("info", f'Successfully downloaded "dist/app.txt" 5 B with SHA256 {digest}') in reports
    assert reports[1] == ("info", f"Found 5 artifacts. Starting to download to: {tmp_path}")


@pytest.mark.parametrize("fields", [{"path": ""}, {"path": None}, {}], ids=["empty", "null", "missing"])
def test_a_record_without_a_path_fails_alone(tmp_path, fields):
    made, reports = shelf({"a": b"a", "b": b"b" * 100_000}), []
    made.rows.insert(1, {"id": "the-id", "file_size": 1, "url": f"{made.server.url}/get/0", **fields})
    made.server.routes["GET /builds/b/artifacts/search"] = Answer(200, made.rows)
    with made.server, pytest.raises(AgentError, match="errors downloading some of the artifacts"):
        made.run(tmp_path, reports=reports)
    assert [read(tmp_path / name) for name in ("a", "b")] == [b"a", b"b" * 100_000]
    assert [text for level, text in reports if level == "error"] == [
        'Failed to download "the-id": its record has no path that could name a file'
    ]


def test_a_folder_of_the_same_name_is_the_same_folder(tmp_path):
    (tmp_path / "dist").mkdir()
    made = shelf({"dist/app": b"x"})
    with made.server:
        made.run(tmp_path, "dist/")
    assert read(tmp_path / "dist" / "app") == b"x"


def test_an_old_file_is_replaced_and_gets_the_rights_of_a_new_one(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    os.chmod(str(tmp_path / "a"), 0o600)
    made = shelf({"a": b"new"})
    mask = os.umask(0o027)
    try:
        with made.server:
            made.run(tmp_path)
    finally:
        os.umask(mask)
    assert read(tmp_path / "a") == b"new"
    assert stat.S_IMODE(os.stat(str(tmp_path / "a")).st_mode) == 0o640


@pytest.mark.parametrize(
    "fault",
    [
        Answer(500),
        Answer(404),
        Raw(),
        Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhal"),
        Answer(200, body=b"other"),
    ],
)
def test_a_transfer_that_fails_once_is_tried_again(tmp_path, fault):
    made = shelf({"a": b"right"})
    made.server.routes["GET /get/0"] = [fault, made.server.routes["GET /get/0"]]
    with made.server:
        made.run(tmp_path)
    assert read(tmp_path / "a") == b"right" and os.listdir(str(tmp_path)) == ["a"]


def test_a_transfer_that_fails_for_good_leaves_nothing_and_the_rest_arrives(tmp_path):
    made, reports = shelf({"a": b"a", "b": b"b"}), []
    made.server.routes["GET /get/0"] = Raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")
    with made.server, pytest.raises(AgentError, match="there were errors downloading some of the artifacts"):
        made.run(tmp_path, reports=reports)
    assert os.listdir(str(tmp_path)) == ["b"]
    assert any(level == "error" and '"a"' in text for level, text in reports)


def test_a_folder_in_the_way_is_named(tmp_path):
    (tmp_path / "a").mkdir()
    made, reports = shelf({"a": b"a"}), []
    with made.server, pytest.raises(AgentError):
        made.run(tmp_path, reports=reports)
    assert any("cannot write" in text for level, text in reports if level == "error")
    assert os.listdir(str(tmp_path)) == ["a"]


def test_redirects_to_a_store_are_followed(tmp_path):
    made = shelf({"a": b"a"})
    made.server.routes["GET /get/0"] = Answer(302, headers={"Location": "/elsewhere?sig=1"})
    made.server.routes["GET /elsewhere"] = Answer(200, body=b"a")
    with made.server:
        made.run(tmp_path)
    assert read(tmp_path / "a") == b"a"


def test_a_store_without_settings_is_named_and_the_rest_arrives(tmp_path):
    made, reports = shelf({"a": b"a", "b": b"b"}), []
    made.rows[0]["upload_destination"] = "rt://repository/path"
    made.server.routes["GET /builds/b/artifacts/search"] = Answer(200, made.rows)
    with made.server, pytest.raises(AgentError):
        made.run(tmp_path, reports=reports)
    (error,) = [text for level, text in reports if level == "error"]
    assert error.startswith('Failed to download "a": ') and "BUILDKITE_ARTIFACTORY_" in error
    assert os.listdir(str(tmp_path)) == ["b"]


def test_nothing_found_and_no_folder_are_errors(tmp_path):
    made = shelf({})
    with made.server:
        with pytest.raises(AgentError, match="no artifacts found"):
            made.run(tmp_path)
        with pytest.raises(AgentError, match="could not find information about destination: .*nowhere"):
            made.run(tmp_path, "nowhere")
        (tmp_path / "file").write_bytes(b"")
        with pytest.raises(AgentError, match="file is not a directory"):
            made.run(tmp_path, "file")


def test_a_long_name_still_fits_while_it_comes(tmp_path):
    made = shelf({"n" * 250: b"a"})
    with made.server:
        made.run(tmp_path)
    assert os.listdir(str(tmp_path)) == ["n" * 250]


def test_a_download_under_way_stops_when_asked(tmp_path):
    made, cancellation = shelf({"a": b"a"}), Cancellation()
    entered, hold, caught = threading.Event(), threading.Event(), []

    def silent(request):
        entered.set()
        hold.wait(30)
        return Answer(200)

    def work():
        try:
            made.run(tmp_path, cancellation=cancellation)
        except AgentError as problem:
            caught.append(problem)

    made.server.routes["GET /get/0"] = silent
    with made.server:
        thread = threading.Thread(target=work)
        thread.start()
        assert entered.wait(20)
        cancellation.request()
        thread.join(20)
        assert not thread.is_alive() and isinstance(caught[0], Cancelled)
        hold.set()
    assert os.listdir(str(tmp_path)) == []
