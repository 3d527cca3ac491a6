"""A request whose answer is read later: it is under way while its caller does something else, and needs no thread.

Only the plain course is taken, over a connection that is there. Where that is not enough (there is none, the server has
just ended it, the answer leads elsewhere) the caller sends the request once more by `Pool.request`, which knows all the
rest: so it must be one that may be sent twice.
"""

from __future__ import annotations

from bkagent.transport.client.address import Address, join, parse
from bkagent.transport.client.answer_reader import BadAnswer
from bkagent.transport.client.connection import Deadline
from bkagent.transport.client.http_client import Lent, Pool, checked_headers, unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Mapping, Optional

    from bkagent.transport.client.response import Response


class BegunRequest:
    """A request that was sent. `response` or `abandon` is to be called, once."""

    def __init__(self, pool: Pool, lent: Lent, method: str, timeout_s: float) -> None:
        self._pool, self._lent, self._method, self._timeout_s = pool, lent, method, timeout_s

    def response(self) -> Optional[Response]:
        """Wait for the answer and return it; None where the request is to be sent by `Pool.request`.

        It may take `timeout_s` from now. Raises Unreachable, as that does, where it has not come by then, or not whole.
        """
        connection, is_whole = self._lent.connection, False
        try:
            response = connection.receive(self._method, Deadline(self._timeout_s, whole=True))
            is_whole = True
        except OSError as problem:
            if isinstance(problem, BadAnswer) and problem.nothing:
                return None  # the server has probably ended an idle connection
            raise unreachable(f"{self._method} {self._lent.address.shown}", problem) from problem
        finally:
            self._pool.take_back(self._lent, is_whole and connection.reusable)
        return None if 300 <= response.status < 400 else response

    def abandon(self) -> None:
        """Do not wait for the answer."""
        self._pool.take_back(self._lent, reusable=False)


def begin(
    pool: Pool, endpoint: str, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout_s: float
) -> Optional[BegunRequest]:
    """Send a small request; None where that takes more than a connection that is there.

    Raises ConfigError for what cannot be sent at all.
    """
    address: Address = parse(join(endpoint, path))
    sent_headers = checked_headers(headers)
    lent = pool.lend_idle(address)
    if lent is None:
        return None
    deadline, is_sent = Deadline(timeout_s, whole=True), False
    try:
        lent.connection.send(method, address, sent_headers, body, deadline)
        is_sent = True
    except OSError:
        return None
    finally:
        if not is_sent:
            pool.take_back(lent, reusable=False)
    return BegunRequest(pool, lent, method, timeout_s)
