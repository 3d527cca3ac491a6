"""Downloads that break off go on where they have ended, and nothing that is not whole bears an artifact's name."""

import gzip
import hashlib
import os

import pytest

from bkagent.artifacts.download.download import Query, download
from bkagent.artifacts.download.paths import partial_name
from bkagent.artifacts.stores.hosted import HostedStore
from bkagent.artifacts.transfer_context import TransferContext
from bkagent.errors import AgentError
from bkagent.remote.client import Client
from bkagent.system import file_lock
from bkagent.transport.retry import constant
from tests.fakes.range_server import RangeServer
from tests.fakes.scripted_server import Answer, Raw
from tests.fakes.small_disk import small_disk

SIZE = 3 * 1024 * 1024 + 7
CONTENT = os.urandom(SIZE)
PART = partial_name("big", hashlib.sha256(CONTENT).hexdigest())
HALF = SIZE // 2
RANGE = 256 * 1024


def run(server, folder, tries=3, view=None, **query):
    reports = []
    context = TransferContext(
        Client(server.server.url, "t", environ={}, user_agent="agent/1"), str(folder), {}, "agent/1",
        lambda level, text: reports.append(f"{level} {text}"), view=view,
    )  # fmt: skip
    try:
        download(context, Query("b", "*", **query), ".", constant(tries, 0.0))
    except AgentError as problem:
        reports.append(f"fatal {problem}")
    return reports


def read(folder):
    return {name: (folder / name).read_bytes() for name in os.listdir(str(folder))}


def test_a_try_goes_on_where_the_one_before_has_ended(tmp_path):
    with RangeServer({"big": CONTENT}) as server:
        server.breaks["big"] = [100_000, 1_000_000]
        reports = run(server, tmp_path)
    assert server.ranges["big"] == [None, "bytes=100000-", "bytes=1100000-"]
    assert read(tmp_path) == {"big": CONTENT}
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    assert reports[-1] == f'info Successfully downloaded "big" 3.0 MiB with SHA256 {sha256}'


def test_what_a_run_has_left_is_where_the_next_one_goes_on(tmp_path):
    with RangeServer({"big": CONTENT}) as server:
        server.breaks["big"] = [HALF, 0, 0]
        reports = run(server, tmp_path)
        assert 'info 1.5 MiB of "big" are kept for the next download of it' in reports
        assert reports[-1] == "fatal there were errors downloading some of the artifacts"
        assert read(tmp_path) == {PART: CONTENT[:HALF]}
        reports = run(server, tmp_path)
    assert 'info Resuming the download of "big" after 1.5 MiB' in reports
    assert server.ranges["big"] == [None, *[f"bytes={HALF}-"] * 3]
    assert read(tmp_path) == {"big": CONTENT}


@pytest.mark.parametrize(
    ("kept", "ranges"),
    [
        (lambda: CONTENT, []),
        (lambda: CONTENT[:HALF], [f"bytes={HALF}-"]),
        (lambda: b"x" * HALF, [f"bytes={HALF}-", None]),
        (lambda: CONTENT[:-1] + b"\0\0", [None]),
        (lambda: b"x" * SIZE, [f"bytes={SIZE}-", None]),
        (lambda: CONTENT[:1000], [None]),
        (lambda: b"", [None]),
    ],
    ids=["whole", "half", "wrong-half", "too-long", "wrong-whole", "too-little", "nothing"],
)
def test_what_is_kept_is_used_only_if_the_whole_has_the_right_sum(tmp_path, kept, ranges):
    (tmp_path / PART).write_bytes(kept())
    with RangeServer({"big": CONTENT}) as server:
        run(server, tmp_path)
    assert server.ranges["big"] == ranges
    assert read(tmp_path) == {"big": CONTENT}


def test_a_server_that_knows_no_ranges_sends_all_of_it(tmp_path):
    (tmp_path / PART).write_bytes(CONTENT[:HALF])
    with RangeServer({"big": CONTENT}) as server:
        server.heeds = False
        run(server, tmp_path, tries=1)
    assert server.ranges["big"] == [f"bytes={HALF}-"] and read(tmp_path) == {"big": CONTENT}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(416),
        Answer(206, body=CONTENT[5:], headers={"Content-Range": f"bytes 5-{SIZE - 1}/{SIZE}"}),
        Answer(206, body=CONTENT, headers={"Content-Range": "pages 1-2/3"}),
        Answer(206, body=CONTENT),
    ],
    ids=["416", "another-range", "no-bytes", "no-range"],
)
def test_an_odd_answer_to_a_range_begins_anew(tmp_path, answer):
    (tmp_path / PART).write_bytes(CONTENT[:HALF])
    with RangeServer({"big": CONTENT}) as server:
        serve = server.server.routes["GET /get/0"]
        server.server.routes["GET /get/0"] = lambda request: answer if "range" in request.headers else serve(request)
        run(server, tmp_path)
    assert read(tmp_path) == {"big": CONTENT}


def test_without_a_sum_only_the_server_can_say_that_it_is_the_same_version(tmp_path):
    with RangeServer({"big": CONTENT}, knows_sha256=False) as server:
        server.etag, server.breaks["big"] = '"1"', [HALF]
        run(server, tmp_path)
        assert server.ranges["big"] == [None, f"bytes={HALF}-"] and read(tmp_path) == {"big": CONTENT}
        server.etag, server.breaks["big"] = 'W/"1"', [HALF]
        run(server, tmp_path)
        assert server.ranges["big"][2:] == [None, None]
        server.breaks["big"] = [HALF] * 3
        run(server, tmp_path)
    assert read(tmp_path) == {"big": CONTENT}


def test_a_file_that_changes_between_two_tries_is_not_mixed(tmp_path):
    other = os.urandom(SIZE)
    with RangeServer({"big": CONTENT}, knows_sha256=False) as server:
        server.etag, server.breaks["big"] = '"1"', [HALF]
        serve = server.server.routes["GET /get/0"]

        def changes(request):
            answer = serve(request)
            server.files["big"], server.etag = other, '"2"'
            return answer

        server.server.routes["GET /get/0"] = changes
        run(server, tmp_path)
    assert read(tmp_path) == {"big": other}


def test_an_artifact_with_the_name_of_a_part_is_an_artifact(tmp_path):
    other = os.urandom(SIZE)
    with RangeServer({"big": CONTENT, PART: other}) as server:
        server.breaks["big"] = [HALF, 0, 0]
        run(server, tmp_path)
        assert read(tmp_path) == {PART: other}
        run(server, tmp_path)
        assert read(tmp_path) == {"big": CONTENT, PART: other}
        # Its file is there, and an artifact of which it might be a part comes alone.
        server.rows = server.rows[:1]
        os.remove(str(tmp_path / "big"))
        run(server, tmp_path)
    assert read(tmp_path)["big"] == CONTENT


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
@pytest.mark.parametrize("plant", [os.symlink, os.link], ids=["symlink", "hard-link"])
def test_another_name_of_the_part_is_not_written_through(tmp_path, plant):
    victim, folder = tmp_path / "victim", tmp_path / "folder"
    victim.write_bytes(CONTENT[:HALF])
    folder.mkdir()
    plant(str(victim), str(folder / PART))
    with RangeServer({"big": CONTENT}) as server:
        run(server, folder)
    assert victim.read_bytes() == CONTENT[:HALF] and (folder / "big").read_bytes() == CONTENT


def test_two_processes_do_not_write_to_one_part(tmp_path):
    (tmp_path / PART).write_bytes(CONTENT[:HALF])
    held = os.open(str(tmp_path / PART), os.O_RDWR)
    try:
        assert file_lock.try_lock(held)
        with RangeServer({"big": CONTENT}) as server:
            run(server, tmp_path)
        assert server.ranges["big"] == [None]
    finally:
        os.close(held)
    assert read(tmp_path) == {"big": CONTENT, PART: CONTENT[:HALF]}


def test_a_full_disk_fails_one_file_and_keeps_nothing_of_it(tmp_path):
    others = {f"small {number}": bytes(60_000 + number) for number in range(8)}
    with small_disk(tmp_path, 2 * 1024 * 1024) as disk, RangeServer({"big": CONTENT, **others}) as server:
        reports = run(server, disk)
        assert read(disk) == others  # also those that came while there was no room
    assert server.ranges["big"] == [None]  # no other try makes room
    assert [line for line in reports if line.startswith("error")] == [
        f'error Failed to download "big": cannot write {disk / "big"}: no space left on device'
    ]


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403), Answer(404), Answer(503, headers={"Retry-After": "0"}), Answer(200, body=b"<html>log in</html>"),
        Answer(200, body=b"<html>", headers={"Content-Type": "text/html"}, close=True),
    ],
    ids=["403", "404", "503", "html", "html-and-closed"],
)  # fmt: skip
def test_what_never_comes_is_named_and_the_rest_is_there(tmp_path, answer):
    with RangeServer({"a b": b"content", "c": b"c"}) as server:
        server.server.routes["GET /get/0"] = answer
        reports = run(server, tmp_path)
    assert read(tmp_path) == {"c": b"c"}
    (error,) = [line for line in reports if line.startswith("error")]
    why = str(answer.status) if answer.status != 200 else "!= uploaded checksum"
    assert error.startswith('error Failed to download "a b": ') and why in error
    assert reports[-1] == "fatal there were errors downloading some of the artifacts"


def test_an_answer_without_a_length_that_ends_early_is_noticed(tmp_path):
    with RangeServer({"a": b"content"}, knows_sha256=False) as server:
        server.server.routes["GET /get/0"] = Raw(b"HTTP/1.1 200 OK\r\n\r\ncont")
        reports = run(server, tmp_path)
    assert read(tmp_path) == {}
    assert 'error Failed to download "a": 4 bytes were downloaded, but 7 were uploaded' in reports


def test_what_is_compressed_on_the_way_is_neither_checked_nor_kept(tmp_path):
    with RangeServer({"big": CONTENT}) as server:
        body = gzip.compress(CONTENT)
        server.server.routes["GET /get/0"] = Answer(200, body=body, headers={"Content-Encoding": "gzip"})
        server.rows[0]["sha256sum"] = hashlib.sha256(body).hexdigest()  # of the file as it was uploaded
        run(server, tmp_path)
    assert read(tmp_path) == {"big": CONTENT}


@pytest.mark.parametrize("knows_sha256", [True, False], ids=["sum-known", "sum-unknown"])
def test_what_is_there_is_skipped_if_it_is_the_same(tmp_path, knows_sha256):
    files = {"same": b"content", "dir/same": b"more", "longer": b"12345", "missing": b"new", "other": b"right"}
    (tmp_path / "dir").mkdir()
    for path, content in {"same": b"content", "dir/same": b"more", "longer": b"123456", "other": b"wrong"}.items():
        (tmp_path / path).write_bytes(content)
    with RangeServer(files, knows_sha256) as server:
        reports = run(server, tmp_path, skip_existing=True)
    fetched = {path for path, ranges in server.ranges.items() if ranges}
    assert fetched == ({"longer", "missing", "other"} if knows_sha256 else {"longer", "missing"})
    skipped = [line for line in reports if line.startswith("info Skipped")]
    assert len(skipped) == 5 - len(fetched) and all("the file is there already" in line for line in skipped)
    assert (tmp_path / "other").read_bytes() == (b"right" if knows_sha256 else b"wrong")


@pytest.mark.skipif(os.name == "nt", reason="links need rights there")
def test_a_link_is_not_a_file_that_is_there(tmp_path):
    (tmp_path / "victim").write_bytes(b"content")
    (tmp_path / "a").symlink_to("victim")
    with RangeServer({"a": b"content"}) as server:
        run(server, tmp_path, skip_existing=True)
    assert not (tmp_path / "a").is_symlink() and (tmp_path / "a").read_bytes() == b"content"


@pytest.fixture
def by_ranges(monkeypatch):
    """Have the control plane's own storage send large artifacts by ranges of 256 KiB."""
    monkeypatch.setattr(HostedStore, "range_bytes", RANGE)


def asked(server):
    """Return where the ranges begin that were asked for, None for the whole."""
    return sorted(-1 if ask is None else int(ask[6:].partition("-")[0]) for ask in server.ranges["big"])


@pytest.mark.usefixtures("by_ranges")
class TestRanges:
    def test_a_large_artifact_comes_by_ranges_of_one_size(self, tmp_path):
        with RangeServer({"big": CONTENT, "small": b"s"}) as server:
            run(server, tmp_path)
        assert asked(server) == list(range(0, SIZE, RANGE)) and server.ranges["small"] == [None]
        assert f"bytes={RANGE}-{2 * RANGE - 1}" in server.ranges["big"]
        assert read(tmp_path) == {"big": CONTENT, "small": b"s"}

    def test_a_range_that_breaks_off_is_asked_for_again_alone(self, tmp_path):
        with RangeServer({"big": CONTENT}) as server:
            server.breaks["big"] = [1000, 1000]
            run(server, tmp_path, tries=1)
        assert len(server.ranges["big"]) == len(range(0, SIZE, RANGE)) + 2
        assert read(tmp_path) == {"big": CONTENT}

    def test_what_is_complete_from_the_start_is_kept(self, tmp_path):
        with RangeServer({"big": CONTENT}) as server:
            serve = server.server.routes["GET /get/0"]

            def breaks(request):
                if request.headers["range"].startswith(f"bytes={4 * RANGE}-"):
                    return Raw()
                return serve(request)

            server.server.routes["GET /get/0"] = breaks
            run(server, tmp_path, tries=1)
            assert read(tmp_path) == {PART: CONTENT[: 4 * RANGE]}
            server.server.routes["GET /get/0"], server.ranges["big"] = serve, []
            run(server, tmp_path)
        assert asked(server) == list(range(4 * RANGE, SIZE, RANGE)) and read(tmp_path) == {"big": CONTENT}

    def test_holes_that_a_killed_run_has_left_are_noticed(self, tmp_path):
        (tmp_path / PART).write_bytes(CONTENT[:RANGE] + bytes(RANGE) + CONTENT[2 * RANGE : 3 * RANGE])
        with RangeServer({"big": CONTENT}) as server:
            run(server, tmp_path)
        assert read(tmp_path) == {"big": CONTENT}

    @pytest.mark.parametrize("knows_sha256", [True, False], ids=["sum-known", "sum-unknown"])
    def test_a_server_without_ranges_sends_the_whole(self, tmp_path, knows_sha256):
        with RangeServer({"big": CONTENT}, knows_sha256) as server:
            server.heeds = False
            run(server, tmp_path, tries=1)
        assert read(tmp_path) == {"big": CONTENT}

    def test_ranges_of_unknown_versions_are_not_put_together_without_a_sum(self, tmp_path):
        with RangeServer({"big": CONTENT}, knows_sha256=False) as server:
            run(server, tmp_path, tries=1)
            assert asked(server)[0] == -1
            server.ranges["big"], server.etag = [], '"1"'
            run(server, tmp_path, tries=1)
            assert asked(server)[0] == 0
        assert read(tmp_path) == {"big": CONTENT}

    def test_an_artifact_that_changes_meanwhile_is_not_mixed(self, tmp_path):
        other = os.urandom(SIZE)
        with RangeServer({"big": CONTENT}, knows_sha256=False) as server:
            server.etag = '"1"'
            serve = server.server.routes["GET /get/0"]

            def changes(request):
                if request.headers.get("range", "").startswith(f"bytes={5 * RANGE}-"):
                    server.files["big"], server.etag = other, '"2"'
                return serve(request)

            server.server.routes["GET /get/0"] = changes
            run(server, tmp_path)
        assert read(tmp_path) == {"big": other}

    def test_a_full_disk_ends_it(self, tmp_path):
        with small_disk(tmp_path, 2 * 1024 * 1024) as disk, RangeServer({"big": CONTENT, "small": b"s"}) as server:
            reports = run(server, disk)
            assert read(disk) == {"small": b"s"}
        assert any(line.endswith("no space left on device") for line in reports if line.startswith("error"))


class Recorder:
    """A view that keeps all that it is shown."""

    pause_s = 0.0

    def __init__(self):
        self.shown, self.is_over = [], False

    def show(self, progress):
        self.shown.append(progress)

    def end(self):
        self.is_over = True


@pytest.mark.parametrize("range_bytes", [0, RANGE], ids=["whole", "ranges"])
def test_progress_counts_each_byte_once(tmp_path, monkeypatch, range_bytes):
    monkeypatch.setattr(HostedStore, "range_bytes", range_bytes)
    view = Recorder()
    (tmp_path / "same").write_bytes(b"content")
    (tmp_path / PART).write_bytes(b"x" * RANGE)
    with RangeServer({"big": CONTENT, "same": b"content", "gone": b"12"}) as server:
        server.breaks["big"] = [RANGE // 2, RANGE // 3]
        server.server.routes["GET /get/2"] = Answer(404)
        run(server, tmp_path, tries=5, view=view, skip_existing=True)
    last = view.shown[-1]
    assert (last.bytes_done, last.bytes_total, last.files_total) == (SIZE + 7, SIZE + 9, 3) and view.is_over
