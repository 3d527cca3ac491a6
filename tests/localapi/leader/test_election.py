"""What is in the way of a leader is said once, however often it is tried."""

import socket
import threading

from bkagent.localapi.leader.election import Election
from bkagent.wire.lock_protocol import LEADER_LINK

PATIENCE_S = 60


class Contender:
    """Has a socket, and counts how often it was to lead."""

    def __init__(self, path):
        self.path, self.tries = path, threading.Semaphore(0)
        self.listener = socket.socket(socket.AF_UNIX)

    def open(self):
        self.listener.bind(self.path)
        return self.path

    def lead(self):
        self.tries.release()

    def follow(self):
        pass

    def close(self):
        self.listener.close()


def test_a_folder_in_place_of_the_link_is_reported_once_and_may_go(tmp_path):
    in_the_way = tmp_path / LEADER_LINK
    in_the_way.mkdir()
    texts, leads = [], threading.Event()

    def report(_level, text, event):
        texts.append(text)
        if event == "agent_api.leading":
            leads.set()

    contender = Contender(str(tmp_path / "agent-1"))
    election = Election(str(tmp_path), contender, report)
    thread = threading.Thread(target=election.run)
    thread.start()
    try:
        assert all(contender.tries.acquire(timeout=PATIENCE_S) for _ in range(4))
        problems = [text for text in texts if "cannot become leader" in text]
        assert problems == [f"Agent API: this agent cannot become leader: {in_the_way}: Is a directory"]
        in_the_way.rmdir()
        assert leads.wait(PATIENCE_S)
    finally:
        election.stop(PATIENCE_S)
        thread.join(PATIENCE_S)
