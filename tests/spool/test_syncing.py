"""What is written gets to the disk, if not at once then later."""

import threading

from bkagent.spool import background_sync


def test_a_sync_that_fails_is_tried_again_without_another_write(monkeypatch):
    monkeypatch.setattr(background_sync, "EVERY_S", 0.01)
    tries, done = [], threading.Event()

    def sync():
        tries.append(1)
        if len(tries) < 3:
            raise OSError("not now")
        done.set()

    syncs = background_sync.BackgroundSync(sync, background_sync.call_on_own_thread)
    syncs.note_write()
    assert done.wait(30)
    syncs.close()
