"""A request to a fork server; the promises are in `fork_server`."""

from typing import Dict, List, NamedTuple


class NotWarm(Exception):
    """The warm process is not there to fork. Nothing has been started."""


class ForkRequest(NamedTuple):
    """The command of a forked process."""

    words: List[str]
    env: Dict[str, str]
