"""The routes of a leader's socket: those of the reference, answered as it does, and those of ours below LOCKS."""

from __future__ import annotations

import time
from typing import Callable, Dict, Mapping, Optional, Union
from urllib.parse import unquote_to_bytes

from bkagent.errors import AgentError, WireError
from bkagent.localapi.answers import error_answer, json_answer
from bkagent.localapi.leader.bids import ENDED, FINISHED, GRANTED, INVALID, Bid, MutexBid, OnceBid
from bkagent.localapi.leader.key_state import Holder
from bkagent.localapi.leader.lock_table import LockRow, LockTable, NoRoom, NotLeading, Outcome
from bkagent.localapi.leader.pending_bid import PendingBid
from bkagent.localapi.leader.reference_json import Undecodable, encode_text, read_swap
from bkagent.transport.server.answer import Answer
from bkagent.transport.server.later import Later
from bkagent.transport.server.request import Request
from bkagent.transport.server.request_head import HttpError
from bkagent.wire import json_text, lock_protocol, timestamps
from bkagent.wire.go_quoted import go_quote
from bkagent.wire.lock_protocol import KEY_LIMIT_BYTES, VALUE_LIMIT_BYTES
from bkagent.wire.reader import Reader

_JSON = (("Content-Type", "application/json"),)
_NOT_FOUND = Answer(
    404,
    b"404 page not found\n",
    (("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")),
)
# Those that the reference's router knows. It refuses others before it looks for a route.
_METHODS = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))
_OWNER = "the user"  # who serves the socket lets only processes of the same user in
_TEXT_LIMIT_BYTES = 4096  # of what a client says of itself

_Handlers = Dict[str, Callable[[Request], Union[Answer, Later]]]


class _InvalidState(AgentError):
    """A key is used for something else. `value` says for what."""

    def __init__(self, value: str) -> None:
        super().__init__(f"invalid lock state {go_quote(value)}")
        self.value = value


class LockRoutes:
    """Answers the requests of processes that are let in. Thread-safe; the answer to who waits for a lock comes later.

    Every answer is JSON with a newline at its end, as the reference's are.
    """

    def __init__(
        self,
        table: LockTable,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._table, self._clock_ns, self._now_ns = table, clock_ns, now_ns
        lock: _Handlers = {"GET": self._get_lock, "PATCH": self._patch_lock}
        self._routes: Dict[str, _Handlers] = {
            lock_protocol.PING: {"GET": self._get_ping},
            lock_protocol.LOCK: lock,
            lock_protocol.LOCK.rstrip("/"): lock,
            lock_protocol.LOCKS: {"GET": self._get_locks},
            lock_protocol.ACQUIRE: {"POST": self._post_acquire},
            lock_protocol.RELEASE: {"POST": self._post_release},
            lock_protocol.BEGIN: {"POST": self._post_begin},
        }

    def answer(self, request: Request) -> Union[Answer, Later]:
        """Return the answer to one request. Raises HttpError and OSError."""
        request.vouch(_OWNER)
        if request.method not in _METHODS:
            return Answer(405, b"", _JSON)
        path = request.head.target.partition("?")[0]
        handlers = self._routes.get(path)
        if handlers is None:
            return _NOT_FOUND
        handle = handlers.get(request.method)
        if handle is None:
            return Answer(405, b"", tuple(("Allow", method) for method in sorted(handlers)) + _JSON)
        try:
            return handle(request)
        except AgentError as problem:
            return _refusal(problem)

    def _get_ping(self, _request: Request) -> Answer:
        now = timestamps.rfc3339(self._now_ns())
        return Answer(200, f'{{"now":"{now}"}}\n'.encode("ascii"), _JSON)

    def _get_lock(self, request: Request) -> Answer:
        key = _key_of(request)
        return _reply(f'{{"value":{encode_text(self._table.load(key))}}}')

    def _patch_lock(self, request: Request) -> Answer:
        key = _key_of(request)
        try:
            old, new = read_swap(_body_of(request))
        except Undecodable as problem:
            return _reply(f'{{"error":{encode_text(str(problem))}}}', 400)
        _check_length(new, "value", VALUE_LIMIT_BYTES)
        value, swapped = self._table.compare_and_swap(key, old, new)
        return _reply(f'{{"value":{encode_text(value)},"swapped":{"true" if swapped else "false"}}}')

    def _get_locks(self, _request: Request) -> Answer:
        # Row by row: one long call of the encoder would keep pings waiting.
        rows = ",".join(json_text.dumps(self._row(row)) for row in self._table.rows())
        return _reply(f'{{"locks":[{rows}]}}')

    def _post_acquire(self, request: Request) -> Union[Answer, Later]:
        read = _read(request)
        token = _text(read, "token", VALUE_LIMIT_BYTES)
        slots = read.whole("slots", 1, low=1)
        if slots > lock_protocol.SLOTS_COUNT:
            raise WireError(f"acquire: slots must be at most {lock_protocol.SLOTS_COUNT}")
        bid = MutexBid(_holder(read, token, slots), read.whole("ttl_ms", 0, low=0) * 1_000_000)
        return self._ask(request, read, bid, _answer_acquire)

    def _post_begin(self, request: Request) -> Union[Answer, Later]:
        read = _read(request)
        bid = OnceBid(_holder(read, _text(read, "token", VALUE_LIMIT_BYTES, ""), 1))
        return self._ask(request, read, bid, _answer_begin)

    def _post_release(self, request: Request) -> Answer:
        read = _read(request)
        value, released = self._table.release(_own_key(read), read.text("token", ""))
        return json_answer(200, {"released": released, "value": value})

    def _ask(
        self, request: Request, read: Reader, bid: Bid, answer: Callable[[Outcome], Answer]
    ) -> Union[Answer, Later]:
        wait_ms = read.whole("wait_ms", lock_protocol.WAIT_FOR_EVER, low=lock_protocol.WAIT_FOR_EVER)
        wait_s = None if wait_ms == lock_protocol.WAIT_FOR_EVER else wait_ms / 1000
        pending = PendingBid(
            self._table,
            _own_key(read),
            bid,
            wait_s,
            request.client_is_connected,
            lambda leave: _conclude(leave, answer),
        )
        return pending.take() if pending.is_over else pending

    def _row(self, row: LockRow) -> Mapping[str, object]:
        state = row.state
        holders = [self._holder_row(holder) for holder in state.holders]
        return {
            "key": row.key, "value": state.value, "slots": max(1, state.slots), "waiting": row.waiting_count,
            "holders": holders,
        }  # fmt: skip

    def _holder_row(self, holder: Holder) -> Mapping[str, object]:
        document: Dict[str, object] = {
            "token": holder.token, "pid": holder.pid, "job": holder.job, "agent": holder.agent,
            "since": timestamps.rfc3339(holder.granted_ns, 3), "keep": holder.keep,
        }  # fmt: skip
        if holder.expires_ns:
            document["expires_in_ms"] = max(0, holder.expires_ns - self._clock_ns()) // 1_000_000
        return document


def _conclude(leave: Callable[[], Outcome], answer: Callable[[Outcome], Answer]) -> Answer:
    """Return the answer to a bid that waits no longer. Raises HttpError."""
    try:
        outcome = leave()
        if outcome.verdict == INVALID:
            raise _InvalidState(outcome.value)
        if outcome.verdict == ENDED:
            raise HttpError(409, "the job that asks for the lock has ended")
        return answer(outcome)
    except AgentError as problem:
        return _refusal(problem)


def _answer_acquire(outcome: Outcome) -> Answer:
    return json_answer(200, {"acquired": outcome.verdict == GRANTED, "value": outcome.value})


def _answer_begin(outcome: Outcome) -> Answer:
    states = {GRANTED: lock_protocol.STATE_DO, FINISHED: lock_protocol.STATE_DONE}
    return json_answer(200, {"state": states.get(outcome.verdict, lock_protocol.STATE_WAITING)})


def _refusal(problem: AgentError) -> Answer:
    """Return the answer to a request that a table of locks, or its reader, has refused. Raises any other error."""
    if isinstance(problem, NotLeading):
        # On the reference's routes too: our clients take those while a term ends, and ask the next leader then.
        return json_answer(503, {"error": str(problem), "moved": True})
    if isinstance(problem, _InvalidState):
        return json_answer(409, {"error": str(problem), "value": problem.value})
    if isinstance(problem, NoRoom):
        return error_answer(507, str(problem))
    if isinstance(problem, WireError):
        return error_answer(400, str(problem))
    raise problem


def _reply(text: str, status: int = 200) -> Answer:
    return Answer(status, f"{text}\n".encode(), _JSON)


def _body_of(request: Request) -> bytes:
    return b"".join(request.blocks(lock_protocol.BODY_LIMIT_BYTES))


def _key_of(request: Request) -> str:
    """Return the key that the query names. Raises HttpError 404 without one."""
    key = _first_of(request.head.target.partition("?")[2], "key")
    if not key:
        raise HttpError(404, "key missing")
    return _check_length(key, "key", KEY_LIMIT_BYTES)


def _first_of(query: str, name: str) -> Optional[str]:
    """Return the first value of a name, as Go's url.ParseQuery reads it: what is malformed is passed over."""
    for pair in query.split("&"):
        key, _, value = pair.partition("=")
        if ";" not in pair and _unescape(key) == name:
            text = _unescape(value)
            if text is not None:
                return text
    return None


def _unescape(text: str) -> Optional[str]:
    if "%" not in text and "+" not in text:
        return text
    _, *escapes = text.split("%")
    if not all(len(escape) >= 2 and _is_hex(escape[:2]) for escape in escapes):
        return None
    return unquote_to_bytes(text.replace("+", " ")).decode("utf-8", "surrogateescape")


def _is_hex(digits: str) -> bool:
    return all(digit in "0123456789abcdefABCDEF" for digit in digits)


def _read(request: Request) -> Reader:
    """Return the fields of a request of ours. Raises WireError and HttpError."""
    role = request.head.target.partition("?")[0].rpartition("/")[2]
    try:
        return Reader(json_text.loads(_body_of(request)), role)
    except ValueError as problem:
        raise WireError(f"{role}: {problem}") from None


def _own_key(read: Reader) -> str:
    return _text(read, "key", KEY_LIMIT_BYTES)


def _holder(read: Reader, token: str, slots: int) -> Holder:
    about = read.inner("holder") or Reader({}, "holder")
    job, agent, alive = (_text(about, name, _TEXT_LIMIT_BYTES, "") for name in ("job", "agent", "alive"))
    pid, since_ns = about.whole("pid", 0, low=0), read.whole("since_ns", 0, low=0)
    return Holder(token, slots, pid, job, agent, alive, read.flag("keep"), since_ns)


def _text(read: Reader, name: str, limit_bytes: int, *default: str) -> str:
    return _check_length(read.text(name, *default), name, limit_bytes)


def _check_length(text: str, role: str, limit_bytes: int) -> str:
    """Return the text. Raises HttpError 413 where it is too long."""
    if len(text) > limit_bytes or len(text.encode("utf-8", "surrogatepass")) > limit_bytes:
        raise HttpError(413, f"the {role} of a lock may have at most {limit_bytes} bytes")
    return text
