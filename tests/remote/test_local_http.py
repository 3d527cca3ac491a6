"""HTTP over a job's local socket whose queue of connections is full."""

import os
import threading

import pytest

from bkagent.remote import local_http
from bkagent.system import local_socket

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="Unix sockets")

ANSWER = b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Clock:
    """Stands for the module `time`: each pause takes ten seconds and lets something happen."""

    def __init__(self, on_pause):
        self.now_s, self._on_pause = 0.0, on_pause

    def monotonic(self):
        return self.now_s

    def sleep(self, seconds):
        self.now_s += 10.0
        self._on_pause()


@pytest.fixture
def full(tmp_path):
    """A listening socket, its path, and the connections that fill its queue."""
    path = str(tmp_path / "s")
    listener = local_socket.listen(path, 0)
    waiting = [local_socket.connect(path, 1.0)]
    with pytest.raises(OSError):
        while True:
            waiting.append(local_socket.connect(path, 0.0))
    yield listener, path, waiting
    for connection in (listener, *waiting):
        connection.close()


def test_a_busy_job_process_is_waited_for(full, monkeypatch):
    listener, path, waiting = full
    threads, pauses = [], []

    def serve():
        connection = local_socket.accept(listener)
        connection.recv(1000)
        connection.sendall(ANSWER)
        connection.close()

    def make_room_after_half_a_minute():
        pauses.append(None)
        if len(pauses) == 3:
            for _ in waiting:
                local_socket.accept(listener).close()
            threads.append(threading.Thread(target=serve))
            threads[0].start()

    monkeypatch.setattr("bkagent.system._local_socket_posix.time", Clock(make_room_after_half_a_minute))
    status, _, body = local_http.exchange(path, "GET", "/", {}, b"", 60.0)
    threads[0].join()
    assert (status, body) == (200, b"ok")


def test_a_job_process_that_stays_busy_is_told(full, monkeypatch):
    monkeypatch.setattr("bkagent.system._local_socket_posix.time", Clock(lambda: None))
    with pytest.raises(local_http.NoSocket):
        local_http.exchange(full[1], "GET", "/", {}, b"", 60.0)
