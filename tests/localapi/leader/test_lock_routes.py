"""The routes of a leader over real HTTP on a Unix socket: the reference's as it answers them, and ours."""

from __future__ import annotations

import _thread
import json
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Dict, Iterator, List

import pytest

from bkagent.wire.lock_protocol import ACQUIRE, BEGIN, BODY_LIMIT_BYTES, LOCK, LOCKS, PING, RELEASE
from tests.conftest import TOP
from tests.fakes import vectors
from tests.localapi.leader.lock_site import WAIT_S, LockSite, ServedSocket, read_answer, request_bytes
from tests.localapi.leader.test_holder_watch import hold

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no Unix sockets")


@pytest.fixture(params=["by one thread", "by many threads"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LockSite]:
    running = LockSite(str(tmp_path), with_threads=request.param == "by many threads")
    yield running
    running.stop()
    assert not running.reports


def value_of(site: ServedSocket, key: str) -> str:
    return str(json.loads(site.ask("GET", f"{LOCK}?key={key}")[2])["value"])


def rows_of(site: LockSite) -> "Dict[str, Dict[str, object]]":
    return {row["key"]: row for row in json.loads(site.ask("GET", LOCKS)[2])["locks"]}


def wait_for_waiters(site: ServedSocket, key: str, count: int) -> None:
    deadline = time.monotonic() + WAIT_S
    while rows_of(site)[key]["waiting"] != count:
        assert time.monotonic() < deadline
        time.sleep(0.005)


def begin_to_ask(site: ServedSocket, target: str, **fields: object) -> socket.socket:
    return site.send("POST", target, json.dumps({"wait_ms": -1, **fields}).encode())


def document_of(client: socket.socket) -> object:
    with client:
        return json.loads(read_answer(client)[2])


def test_the_reference_s_requests_are_answered_as_it_does(site: LockSite) -> None:
    """Recorded from the server of its Agent API, one request after the other, since they change what the next sees."""
    for case in (parameter.values[0] for parameter in vectors.of("lock-api")):
        status, headers, body = site.ask(*case["request"], case["body"].encode("latin-1"))
        if body.startswith(b'{"now"'):
            body = b'{"now":"TIME"}\n'
        lines = [[name, text] for name, texts in headers.items() for text in texts]
        sent = [line for line in lines if line[0] not in ("Content-Length", "Connection")]
        expected = (case["status"], case["headers"], case["answer"])
        assert (status, sorted(sent), body.decode("latin-1")) == (expected[0], sorted(expected[1]), expected[2]), case


def test_the_page_about_locks_shows_what_is_answered(site: LockSite) -> None:
    rows = re.findall(
        r"^\| `([A-Z]+) (/api/\S+)` \| (?:`(.*?)`)? ?\| `(.*?)` \|$",
        Path(TOP, "docs", "locks.md").read_text(encoding="utf-8"),
        re.MULTILINE,
    )
    assert [method for method, *_ in rows] == ["GET", "GET", "PATCH"]
    for method, target, body, documented in rows:
        status, _, answer = site.ask(method, target, body.encode())
        expected = json.loads(documented)
        assert status == 200 and list(json.loads(answer)) == list(expected)
        assert "now" in expected or json.loads(answer) == expected


def test_a_ping_has_the_time_to_the_nanosecond_and_a_connection_stays(site: LockSite) -> None:
    with site.connect() as client:
        for _ in range(3):
            client.sendall(f"GET {PING} HTTP/1.1\r\nHost: agent\r\n\r\n".encode())
            head, _, body = client.recv(65536).partition(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert len(json.loads(body)["now"]) == len("2026-11-30T06:35:40.123456789Z")


def test_locks_are_acquired_shown_and_released(site: LockSite) -> None:
    about = {"pid": 7, "job": "j", "agent": "a", "alive": ""}
    taken = site.post(ACQUIRE, key="k", token="t", ttl_ms=60_000, keep=True, holder=about, since_ns=1, wait_ms=0)
    assert taken == (200, {"acquired": True, "value": "t"})
    assert site.post(ACQUIRE, key="k", token="u", wait_ms=1) == (200, {"acquired": False, "value": "t"})
    row = rows_of(site)["k"]
    (holder,) = row["holders"]  # type: ignore[misc]
    assert (row["value"], row["slots"], row["waiting"]) == ("t", 1, 0)
    assert 0 < holder.pop("expires_in_ms") <= 60_000 and len(holder.pop("since")) == len("2026-11-30T06:35:40.123Z")
    assert holder == {"token": "t", "pid": 7, "job": "j", "agent": "a", "keep": True}
    assert site.post(RELEASE, key="k", token="u") == (200, {"released": False, "value": "t"})
    assert site.post(RELEASE, key="k", token="t") == (200, {"released": True, "value": ""})
    assert site.post(RELEASE, key="k", token="t") == (200, {"released": False, "value": ""})
    for number in (1, 2):
        site.post(ACQUIRE, key="k", token=f"s{number}", slots=3, wait_ms=0)
    site.ask("PATCH", f"{LOCK}?key=%FF", b'{"new":"plain"}')
    rows = rows_of(site)
    assert (rows["k"]["value"], rows["k"]["slots"], len(rows["k"]["holders"])) == ("slots(2/3)", 3, 2)  # type: ignore
    assert rows["\udcff"] == {"key": "\udcff", "value": "plain", "slots": 1, "waiting": 0, "holders": []}


def test_what_is_done_once_is_begun_by_one(site: LockSite) -> None:
    assert site.post(BEGIN, key="k", token="t", wait_ms=0) == (200, {"state": "do"})
    assert site.post(BEGIN, key="k", token="t", wait_ms=0) == (200, {"state": "do"})  # its first answer was lost
    assert site.post(BEGIN, key="k", token="u", wait_ms=1) == (200, {"state": "waiting"})
    refused = {"error": 'invalid lock state "doing"', "value": "doing"}
    assert site.post(ACQUIRE, key="k", token="u", wait_ms=-1) == (409, refused)
    waiting = []
    for token in "uv":
        waiting.append(begin_to_ask(site, BEGIN, key="k", token=token))
        wait_for_waiters(site, "k", len(waiting))
    assert site.post(RELEASE, key="k", token="t") == (200, {"released": True, "value": ""})  # it could not say "do"
    assert document_of(waiting[0]) == {"state": "do"}
    site.ask("PATCH", f"{LOCK}?key=k", b'{"old":"doing","new":"done"}')
    assert document_of(waiting[1]) == {"state": "done"}
    site.post(ACQUIRE, key="m", token="t", wait_ms=0)
    assert site.post(BEGIN, key="m", wait_ms=-1)[0] == 409


def test_who_came_first_is_served_first_and_who_has_gone_is_not_served(site: LockSite) -> None:
    site.post(ACQUIRE, key="k", token="t0", wait_ms=0)
    clients = {}
    for count, since in enumerate((30, 10, 20, 40), 1):
        clients[since] = begin_to_ask(site, ACQUIRE, key="k", token=f"t{since}", since_ns=since)
        wait_for_waiters(site, "k", count)
    clients.pop(20).close()
    wait_for_waiters(site, "k", 3)
    order = ["t0", "t10", "t30", "t40"]
    for before, after in zip(order, order[1:]):
        site.ask("PATCH", f"{LOCK}?key=k", json.dumps({"old": before, "new": ""}).encode())
        assert document_of(clients[int(after[1:])]) == {"acquired": True, "value": after}
        assert value_of(site, "k") == after


@pytest.mark.parametrize("site", ["by one thread"], indirect=True)
def test_hundreds_wait_without_a_thread(site: LockSite) -> None:
    site.post(ACQUIRE, key="k", token="t0", wait_ms=0)
    threads_count = _thread._count()
    clients = [begin_to_ask(site, ACQUIRE, key="k", token=f"t{since}", since_ns=since) for since in range(1, 401)]
    wait_for_waiters(site, "k", 400)
    assert _thread._count() < threads_count + 100  # those of other tests may begin or end meanwhile
    for client in clients[::2]:
        client.close()
    wait_for_waiters(site, "k", 200)
    impatient = begin_to_ask(site, ACQUIRE, key="k", token="u", wait_ms=50)
    assert document_of(impatient) == {"acquired": False, "value": "t0"}
    holder = "t0"
    for number, client in enumerate(clients[1:8:2]):
        assert site.post(RELEASE, key="k", token=holder) == (200, {"released": True, "value": ""})
        holder = f"t{2 * number + 2}"
        assert document_of(client) == {"acquired": True, "value": holder}
    # A thread that serves nobody frees the key: the end of a job, say.
    site.table.compare_and_swap("k", holder, "done")
    assert all(
        document_of(client) == {"error": 'invalid lock state "done"', "value": "done"} for client in clients[9::2]
    )


@pytest.mark.parametrize("site", ["by one thread"], indirect=True)
def test_a_client_that_sends_its_next_request_while_it_waits_is_answered_twice(site: LockSite) -> None:
    site.post(ACQUIRE, key="k", token="t", wait_ms=0)
    body = json.dumps({"key": "k", "token": "u", "wait_ms": -1}).encode()
    head = f"POST {ACQUIRE} HTTP/1.1\r\nHost: agent\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    with site.connect() as client:
        client.sendall(head + body)
        wait_for_waiters(site, "k", 1)
        client.sendall(request_bytes("GET", PING))
        assert value_of(site, "k") == "t"
        site.post(RELEASE, key="k", token="t")
        text = b"".join(iter(lambda: client.recv(65536), b""))
    assert text.count(b"HTTP/1.1 200 OK") == 2 and b'"acquired":true' in text.replace(b" ", b"") and b'"now"' in text


def test_a_job_that_is_killed_gives_back_what_it_held(site: ServedSocket, tmp_path: Path) -> None:
    process = hold(tmp_path / "alive")
    try:
        about = {"pid": process.pid, "alive": str(tmp_path / "alive")}
        for key, token, keep in (("k", "t", False), ("kept", "t", True)):
            site.post(ACQUIRE, key=key, token=token, keep=keep, holder=about, wait_ms=0)
        site.post(BEGIN, key="once", holder=about, wait_ms=0)
        site.post(ACQUIRE, key="other", token="t", wait_ms=0)
        waiting = begin_to_ask(site, ACQUIRE, key="k", token="u")
        dying = begin_to_ask(site, ACQUIRE, key="other", token="dying", holder=about)
        wait_for_waiters(site, "k", 1)
        wait_for_waiters(site, "other", 1)
        process.kill()
        assert document_of(waiting) == {"acquired": True, "value": "u"}
        assert document_of(dying) == {"error": "the job that asks for the lock has ended"}
        assert {key: value_of(site, key) for key in ("kept", "once", "other")} == {
            "kept": "t", "once": "", "other": "t",
        }  # fmt: skip
    finally:
        process.kill()
        process.communicate()


def test_a_lock_with_a_time_is_free_after_it(site: LockSite) -> None:
    site.post(ACQUIRE, key="k", token="t", ttl_ms=1, wait_ms=0)
    deadline = time.monotonic() + WAIT_S
    while value_of(site, "k"):
        assert time.monotonic() < deadline
    assert site.post(RELEASE, key="k", token="t") == (200, {"released": False, "value": ""})


def test_a_server_that_leads_no_longer_says_so(site: LockSite) -> None:
    site.post(ACQUIRE, key="k", token="t", wait_ms=0)
    waiting = begin_to_ask(site, ACQUIRE, key="k", token="u")
    wait_for_waiters(site, "k", 1)
    site.table.follow()
    moved = {"error": "this agent does not lead: another one has the locks", "moved": True}
    assert document_of(waiting) == moved
    for target in (ACQUIRE, BEGIN, RELEASE):
        assert site.post(target, key="k", token="t") == (503, moved)
    for method, target in (("GET", LOCKS), ("GET", f"{LOCK}?key=k"), ("PATCH", f"{LOCK}?key=k")):
        status, _, body = site.ask(method, target, b"{}")
        assert (status, json.loads(body)) == (503, moved)
    assert site.ask("GET", PING)[0] == 200


REFUSED = (
    (ACQUIRE, b"", 400, "acquire: expected a JSON value"),
    (ACQUIRE, b"[]", 400, "acquire: expected a JSON object"),
    (ACQUIRE, b"\xff", 400, "acquire: "),
    (ACQUIRE, b"[" * 100_000, 400, "acquire: the JSON text is nested too deeply"),
    (ACQUIRE, b'{"key":"k"}', 400, "token must be a string that is not empty"),
    (ACQUIRE, b'{"token":"t"}', 400, "key must be a string that is not empty"),
    (ACQUIRE, b'{"key":"k","token":"t","slots":0}', 400, "slots must be a whole number of at least 1"),
    (ACQUIRE, b'{"key":"k","token":"t","slots":1e9}', 400, "slots must be a whole number"),
    (ACQUIRE, b'{"key":"k","token":"t","slots":99999}', 400, "slots must be at most"),
    (ACQUIRE, b'{"key":"k","token":"t","ttl_ms":-1}', 400, "ttl_ms must be"),
    (ACQUIRE, b'{"key":"k","token":"t","wait_ms":-2}', 400, "wait_ms must be"),
    (ACQUIRE, b'{"key":"k","token":"t","holder":"x"}', 400, "holder: expected a JSON object"),
    (ACQUIRE, b'{"key":"k","token":"t","holder":{"pid":"7"}}', 400, "pid must be a whole number"),
    (ACQUIRE, b'{"key":"k","token":"' + b"t" * 4097 + b'"}', 413, "the token of a lock may have at most 4096"),
    (BEGIN, b'{"key":"' + "☃".encode() * 1366 + b'"}', 413, "the key of a lock may have at most 4096 bytes"),
    (RELEASE, b'{"key":5}', 400, "release: key must be"),
    (RELEASE, b" " * (BODY_LIMIT_BYTES + 1), 413, "may have at most"),
)  # fmt: skip


@pytest.mark.parametrize(("target", "body", "status", "sentence"), REFUSED, ids=[case[3] for case in REFUSED])
def test_what_is_wrong_is_said(target: str, body: bytes, status: int, sentence: str, site: LockSite) -> None:
    answered, _, text = site.ask("POST", target, body)
    assert answered == status and sentence in json.loads(text)["error"]
    assert site.ask("GET", target)[:2][0] == 405


def test_long_keys_and_values_are_refused_and_the_longest_are_taken(site: LockSite) -> None:
    for length, status in ((4096, 200), (4097, 413)):
        assert site.ask("PATCH", f"{LOCK}?key={'%41' * length}", b"{}")[0] == status
        assert site.ask("PATCH", f"{LOCK}?key=k", b'{"new":"' + b"v" * length + b'"}')[0] == status
    assert site.ask("PATCH", f"{LOCK}?key=k", b" " * (BODY_LIMIT_BYTES + 1))[0] == 413


def test_one_key_too_many_is_refused(tmp_path: Path) -> None:
    site = LockSite(str(tmp_path), keys_count=1)
    try:
        site.ask("PATCH", f"{LOCK}?key=a", b'{"new":"x"}')
        status, _, body = site.ask("PATCH", f"{LOCK}?key=b", b'{"new":"x"}')
        assert (status, json.loads(body)["error"]) == (507, "1 keys are in use, which is the most there may be")
        assert site.post(ACQUIRE, key="b", token="t")[0] == 507
    finally:
        site.stop()


def contend(site: ServedSocket, clients_count: int, rounds_count: int) -> None:
    """Have clients take turns, some by the reference's way; assert that no two are inside at once."""
    inside: List[str] = []
    problems: List[object] = []

    def take_turns(name: str) -> None:
        for number in range(rounds_count):
            token = f"{name}-{number}"
            answer = site.post(ACQUIRE, key="k", token=token, since_ns=time.monotonic_ns(), wait_ms=-1)
            inside.append(token)
            if answer != (200, {"acquired": True, "value": token}) or inside != [token]:
                problems.append((answer, list(inside)))
            inside.remove(token)
            site.post(RELEASE, key="k", token=token)

    threads = [threading.Thread(target=take_turns, args=(str(number),)) for number in range(clients_count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(4 * WAIT_S)
        assert not thread.is_alive()
    assert not problems and value_of(site, "k") == ""


def test_of_many_clients_one_is_inside_at_a_time(site: LockSite) -> None:
    contend(site, 50, 2)


@pytest.mark.soak
def test_of_many_clients_one_is_inside_at_a_time_for_long(site: LockSite) -> None:
    contend(site, 50, 100)


def test_curl_speaks_to_it(site: LockSite) -> None:
    command = ["curl", "-sS", "--unix-socket", site.path, "-X", "PATCH", "-d", '{"old":"","new":"x"}']
    try:
        shown = subprocess.run([*command, f"http://agent{LOCK}?key=a%20b"], stdout=subprocess.PIPE, timeout=WAIT_S)
    except FileNotFoundError:
        pytest.skip("no curl")
    assert shown.stdout == b'{"value":"x","swapped":true}\n' and value_of(site, "a+b") == "x"
