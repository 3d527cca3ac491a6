"""What every cloud's credentials and requests have from their caller."""

from __future__ import annotations

import time

from bkagent.named_tuple import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Mapping

    from bkagent.report import Report
    from bkagent.transport.client.http_client import Pool


class CloudContext(NamedTuple):
    """Made once by a command, or by the phase of a job.

    pool        sends requests to any URL
    environ     names credentials, files, proxies and endpoints
    home        the home folder, in which profiles are looked for; "" where there is none
    user_agent  of requests
    wait        waits so many seconds; returns True when whoever waits has to stop
    now         seconds since the epoch, by this machine's clock
    """

    pool: Pool
    environ: Mapping[str, str]
    home: str
    user_agent: str
    report: Report
    wait: Callable[[float], bool]
    now: Callable[[], float] = time.time
