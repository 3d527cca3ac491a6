"""A burst of new connections reaches a server whose queue of them is short."""

import select
import socket
from concurrent.futures import ThreadPoolExecutor

from bkagent.transport.client.http_client import Pool
from bkagent.transport.client.opening_pace import UNANSWERED_COUNT, OpeningPace

PATIENCE_S = 60.0


def test_an_opening_waits_for_an_answer_to_an_earlier_one():
    pace = OpeningPace(unanswered_count=2, pause_s=PATIENCE_S)
    assert pace.begin() and pace.begin()
    with ThreadPoolExecutor(1) as others:
        waiting = others.submit(pace.begin)
        assert not waiting.done()
        pace.end(True)
        assert waiting.result(PATIENCE_S)


def test_an_opening_waits_for_one_pause_at_most():
    pace = OpeningPace(unanswered_count=1, pause_s=0.01)
    assert pace.begin()
    assert [pace.begin() for _ in range(3)] == [False] * 3
    pace.end(False)  # it was not counted, so nothing becomes free
    assert not pace.begin()
    pace.end(True)
    assert pace.begin()


def test_no_more_connections_of_a_burst_are_unanswered_than_a_short_queue_holds():
    requests_count, unanswered = 16, []
    with socket.socket() as listening, ThreadPoolExecutor(requests_count) as senders:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        listening.settimeout(PATIENCE_S)
        pool = Pool(f"http://127.0.0.1:{listening.getsockname()[1]}/", {})
        pool._openings = OpeningPace(pause_s=PATIENCE_S)
        statuses = [senders.submit(lambda: pool.request("GET", "x", {}).status) for _ in range(requests_count)]
        for _ in range(requests_count):
            if len(unanswered) == UNANSWERED_COUNT:
                _answer(unanswered.pop(0))
            connection, _ = listening.accept()
            unanswered.append(connection)
            waiting = select.select([listening], [], [], 0)[0]
            assert len(unanswered) + bool(waiting) <= UNANSWERED_COUNT
        for connection in unanswered:
            _answer(connection)
        assert [status.result(PATIENCE_S) for status in statuses] == [200] * requests_count


def test_a_server_may_answer_none_of_a_burst_before_all_of_it_has_arrived():
    requests_count = 16
    with socket.socket() as listening, ThreadPoolExecutor(requests_count) as senders:
        listening.bind(("127.0.0.1", 0))
        listening.listen(128)
        listening.settimeout(PATIENCE_S)
        pool = Pool(f"http://127.0.0.1:{listening.getsockname()[1]}/", {})
        statuses = [senders.submit(lambda: pool.request("GET", "x", {}).status) for _ in range(requests_count)]
        unanswered = [listening.accept()[0] for _ in range(requests_count)]
        for connection in unanswered:
            _answer(connection)
        assert [status.result(PATIENCE_S) for status in statuses] == [200] * requests_count


def _answer(connection: socket.socket) -> None:
    with connection:
        while b"\r\n\r\n" not in connection.recv(4096):
            pass
        connection.sendall(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
