"""Modules that forks had to load are reported to the warm process, which loads them so that the next fork has them."""

import gc
import itertools
import os
import sys

assert sys.platform != "win32"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List

_PIPE_BUF = 4096  # a write of this size is not torn apart, nor mixed with another


class PreloadRequests:
    """A pipe from the forks to the warm process. `fd` becomes readable when there is something to load."""

    def __init__(self) -> None:
        self.fd, self._report_end = os.pipe()
        os.set_blocking(self.fd, False)
        self._received = b""

    def leave_to(self) -> "ModuleReport":
        """Close, in a fork, the end that is the parent's; return the other."""
        os.close(self.fd)
        return ModuleReport(self._report_end)

    def preload(self) -> None:
        """Load what the forks had to load."""
        self._received += os.read(self.fd, _PIPE_BUF)
        *names, self._received = self._received.split(b"\n")
        for name in names:
            try:
                __import__(name.decode("ascii"))
            except Exception:  # what does not load here is loaded, or missed, by who needs it
                pass
        if names:
            keep_pages_shared()


class ModuleReport:
    """A fork's end of the pipe."""

    def __init__(self, pipe: int) -> None:
        self._pipe, self._known_count = pipe, len(sys.modules)

    def report(self) -> None:
        """Name what was loaded since the fork, or the last report."""
        # They are kept in the order in which they were loaded. To look at the others, too, would write to their pages.
        count = max(0, len(sys.modules) - self._known_count)
        self._known_count += count
        names: "List[str]" = list(itertools.islice(reversed(sys.modules), count))[::-1]
        try:
            for name in names:
                os.write(self._pipe, name.encode("ascii", "replace")[: _PIPE_BUF - 1] + b"\n")
        except OSError:
            pass  # the warm process has ended


def keep_pages_shared() -> None:
    """Exempt loaded objects from garbage collection, so that forks do not write to their pages."""
    gc.freeze()
