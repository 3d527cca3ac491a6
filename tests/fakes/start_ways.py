"""Ways in which an agent is started: `python start_ways.py WAY PROGRAM ARGUMENT...` becomes the program in that state.

Whatever the tests themselves were started with, each way begins with usual signals, no blocked one and a umask of 022.
"""

import os
import resource
import signal
import sys

EVERY_SIGNAL = tuple(sorted(set(map(int, signal.valid_signals())) - {signal.SIGKILL, signal.SIGSTOP}))
INHERITED_DESCRIPTORS = (3, 7, 63)
_FILES, _STACK_BYTES = (512, 4096), (4 << 20, 8 << 20)


def _ignore(*numbers: int) -> None:
    for number in numbers:
        signal.signal(number, signal.SIG_IGN)


def from_a_shell() -> None:
    """Change nothing."""


def by_nohup() -> None:
    _ignore(signal.SIGHUP)


def in_background_of_a_script() -> None:
    _ignore(signal.SIGINT, signal.SIGQUIT)


def by_cron() -> None:
    os.setsid()
    del os.environ["HOME"]
    os.environ["PATH"] = "/usr/bin:/bin"


def by_systemd() -> None:
    os.setsid()
    _ignore(signal.SIGPIPE)
    os.umask(0o027)
    os.nice(2)
    resource.setrlimit(resource.RLIMIT_NOFILE, _FILES)
    resource.setrlimit(resource.RLIMIT_STACK, _STACK_BYTES)


def with_every_signal_ignored() -> None:
    _ignore(*EVERY_SIGNAL)


def with_every_signal_blocked() -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, EVERY_SIGNAL)


def with_open_descriptors() -> None:
    for number in INHERITED_DESCRIPTORS:
        opened = os.open(os.devnull, os.O_RDWR)
        os.dup2(opened, number)
        os.set_inheritable(number, True)  # it may have been the same


def without_standard_files() -> None:
    for number in (0, 1, 2):
        os.close(number)


def _become_usual() -> None:
    for number in EVERY_SIGNAL:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.umask(0o022)
    os.closerange(3, 256)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1024, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


if __name__ == "__main__":
    _become_usual()
    globals()[sys.argv[1]]()
    os.execv(sys.argv[2], sys.argv[2:])
