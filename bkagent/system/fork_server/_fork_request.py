"""What is asked of a fork server; the promises are in `fork_server`."""

from typing import Dict, List, NamedTuple


class NotWarm(Exception):
    """The warm process is not there to fork. Nothing has been started."""


class ForkRequest(NamedTuple):
    """What a forked process shall do."""

    words: List[str]
    env: Dict[str, str]
