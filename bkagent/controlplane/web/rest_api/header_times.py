"""When the group headers of a log were printed, in nanoseconds since 1970.

Where lines begin with their time, `ESC _bk;t=MILLISECONDS BEL`, the time of a header is that of its line: agents report
times of headers only for logs without.
"""

from __future__ import annotations

import re
from typing import List, Sequence, Tuple

from bkagent.wire.timestamps import nanoseconds_of

# A time and styles may come before a header. Source: https://buildkite.com/docs/pipelines/configure/managing-log-output
_HEADER = re.compile(
    rb"^(?:\x1b_bk;t=([0-9]{1,16})\x07|\x1b\[[0-9;]{0,100}[mK])*(?:---|\+\+\+|~~~)[ \t\r\v\f]", re.MULTILINE
)


def header_times(reported: Sequence[Tuple[int, str]], log: bytes) -> List[int]:
    """Return a time for each header in order, 0 where it is unknown; none at all for a log of which none is known."""
    if reported:
        return [nanoseconds_of(at) or 0 for _, at in reported]
    times = [int(match[1] or 0) * 1_000_000 for match in _HEADER.finditer(log)]
    return times if any(times) else []
