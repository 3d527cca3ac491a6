"""A bell between processes: one rings, another sleeps until it is rung, without polling.

make(path) -> None                 put the bell's file at `path`, which must not exist; raises OSError
Listener(path)                     the sleeping side; one at a time, since a ring is heard once. Raises OSError
    .wait(timeout_s) -> bool       sleep until a ring or the time is over (None: no limit); say whether it rang
    .ring()                        ring one's own bell, from another thread or a signal handler
    .close()
Ringer(path)                       the ringing side; never blocks, and works before the listener starts. Raises OSError
    .ring()                        unheard rings count as one or more
    .close()
"""

import sys

if sys.platform == "win32":
    from bkagent.system._wake_windows import Listener, Ringer, make
else:
    from bkagent.system._wake_posix import Listener, Ringer, make

__all__ = ["Listener", "Ringer", "make"]
