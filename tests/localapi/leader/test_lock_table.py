"""The table of locks against a model that is plain, under random requests, ends of jobs and changes of leader."""

from __future__ import annotations

import random
import threading
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional

import pytest

from bkagent.localapi.leader import lock_table, pollers
from bkagent.localapi.leader.bids import Bid, MutexBid, OnceBid
from bkagent.localapi.leader.key_state import Holder
from bkagent.localapi.leader.lock_journal import LockJournal
from bkagent.localapi.leader.lock_table import LockTable, NoRoom, NotLeading
from tests.localapi.leader.lock_model import LockModel, Try
from tests.localapi.leader.lock_site import ask_table

WAIT_S = 30.0
KEYS = ("a", "b", "c")
JOBS = ("/job/1/alive", "/job/2/alive", "")
STEPS_COUNT = 250
TICK = 1000  # so that the moments of all tries differ
RETURN_TICKS = 4


class Client(threading.Thread):
    """Asks the table for what a try wants, and again when the leader has changed."""

    def __init__(self, run: "Run", attempt: Try) -> None:
        super().__init__(daemon=True)
        self.run_of, self.attempt, self.verdict, self.entered = run, attempt, "", threading.Event()

    def run(self) -> None:
        attempt = self.attempt
        table, bid = self.run_of.table, self.run_of.bid_of(attempt)
        try:
            self.verdict = ask_table(table, attempt.key, bid, None, lambda: not attempt.is_gone).verdict
        except NotLeading:
            self.verdict = "moved"
        finally:
            self.entered.set()


class Run:
    """A table, its model, and the clients of both."""

    def __init__(self, seed: int, folder: str) -> None:
        self.random, self.folder = random.Random(seed), folder
        self.now, self.number = 1_000_000, 0
        self.model = LockModel()
        self.clients: Dict[Try, Client] = {}
        self.reports: List[object] = []
        self.table = self.next_table()

    def next_table(self) -> LockTable:
        journal = LockJournal.open(self.folder, "boot", lambda *about: self.reports.append(about))
        table = LockTable(
            journal, lambda path, tell: None, clock_ns=self.clock, now_ns=lambda: 5, return_ns=RETURN_TICKS * TICK
        )
        table.lead()
        return table

    def clock(self) -> int:
        current = threading.current_thread()
        if isinstance(current, Client):
            current.entered.set()  # it has the table's lock: whoever asks next comes after it
        return self.now

    def begin(self, attempt: Try) -> None:
        client = self.clients[attempt] = Client(self, attempt)
        client.start()
        assert client.entered.wait(WAIT_S)

    def check(self) -> None:
        """The table and the model say the same of every key and every client."""
        for attempt in self.model.settle(self.now):
            client = self.clients.pop(attempt)
            client.join(WAIT_S)
            assert client.verdict == attempt.verdict, attempt
        rows = {row.key: row for row in self.table.rows()}
        for key in KEYS:
            assert self.table.load(key) == self.model.value(key)
            waiting = [each for each in self.model.waiting if each.key == key and not each.is_gone]
            assert (rows[key].waiting_count if key in rows else 0) == len(waiting)
            if key in rows:
                holders = rows[key].state.holders
                assert len(holders) <= min([holder.slots for holder in holders], default=0)

    def step(self) -> None:
        self.advance(TICK)
        steps = [self.ask] * 6 + [self.release] * 4 + [self.swap] * 3
        steps += [self.end_job, self.leave, self.pass_time, self.lose_leader, self.follow, self.ask_again]
        self.random.choice(steps)()
        self.check()

    def ask(self) -> None:
        self.number += 1
        attempt = Try(
            self.random.choice(KEYS),
            self.random.choice(("acquire", "acquire", "do")),
            f"t{self.number}",
            since=self.now - TICK * self.random.randrange(20) + self.number % TICK,
            alive=self.random.choice(JOBS),
            keep=self.random.random() < 0.2,
        )
        if attempt.kind == "acquire":
            attempt.slots, attempt.ttl = self.random.choice((1, 1, 2, 3)), self.random.choice((0, 0, 20 * TICK))
        self.advance(max(0, attempt.since - self.now))
        self.model.waiting.append(attempt)
        self.begin(attempt)

    def ask_again(self) -> None:
        """The answer to a holder was lost."""
        for key in KEYS:
            for attempt in self.model.holders.get(key, []):
                assert ask_table(self.table, key, self.bid_of(attempt)).verdict == "granted"

    def bid_of(self, attempt: Try) -> Bid:
        holder = Holder(attempt.token, attempt.slots, alive=attempt.alive, keep=attempt.keep, since_ns=attempt.since)
        return OnceBid(holder) if attempt.kind == "do" else MutexBid(holder, attempt.ttl)

    def release(self) -> None:
        key = self.random.choice(KEYS)
        holders = self.model.holders.get(key, [])
        if not holders or self.random.random() < 0.1:
            assert self.table.release(key, "wrong") == (self.model.value(key), False)
            return
        holder = self.random.choice(holders)
        assert self.table.release(key, holder.token) == ("", True)
        self.model.drop(key, holder)

    def swap(self) -> None:
        key = self.random.choice(KEYS)
        value = self.model.value(key)
        old = self.random.choice((value, value, "", "other"))
        new = {"": "foreign", "doing": "done"}.get(old, "")
        swapped = self.model.swap(key, old, new)
        assert self.table.compare_and_swap(key, old, new) == (new if swapped else value, swapped)

    def end_job(self) -> None:
        path = self.random.choice(JOBS[:2])
        for each in [each for each in self.model.waiting if each.alive == path]:
            each.verdict = "ended"
            self.model.waiting.remove(each)
        ended = {each: self.clients.pop(each) for each in list(self.clients) if each.verdict == "ended"}
        for key in KEYS:
            bound = [each for each in self.model.holders.get(key, []) if each.alive == path and not each.keep]
            self.model.drop(key, *bound)
        self.table.end_of_holder(path)
        for client in ended.values():
            client.join(WAIT_S)
            assert client.verdict == "ended"

    def leave(self) -> None:
        if self.model.waiting:
            self.random.choice(self.model.waiting).is_gone = True

    def pass_time(self) -> None:
        self.advance(15 * TICK)

    def advance(self, duration: int) -> None:
        """Let time pass; what is over then is free."""
        self.now += duration
        for key in KEYS:
            self.model.drop(key, *[each for each in self.model.holders.get(key, []) if 0 < each.ends_at <= self.now])
        self.table.expire()
        self.check()

    def lose_leader(self) -> None:
        """The leader is killed, and the next goes on from its journal; clients ask that one, in any order."""
        before, self.table = self.table, self.next_table()
        before.close()
        asking = list(self.clients.values())
        self.random.shuffle(asking)
        self.model.begin_term(self.now, self.now + RETURN_TICKS * TICK)
        self.clients.clear()
        for client in asking:
            client.join(WAIT_S)
            assert client.verdict == "moved"
            if not client.attempt.is_gone:
                self.model.waiting.append(client.attempt)
                self.begin(client.attempt)
                self.check()

    def follow(self) -> None:
        """An agent of the reference leads for a while."""
        self.table.follow()
        with pytest.raises(NotLeading):
            self.table.load("a")
        for client in self.clients.values():
            client.join(WAIT_S)
            assert client.verdict == "moved"
        self.clients.clear()
        for key in KEYS:
            held = self.model.holders.get(key, [])
            self.model.drop(key, *[each for each in held if each.keep or not each.alive])
            if not self.model.holders[key] and self.model.texts.get(key) != "done":
                self.model.texts[key] = ""
        self.model.begin_term(self.now, self.now + RETURN_TICKS * TICK)
        self.table.lead()

    def serve_all(self) -> None:
        """Nobody starves: when all is given back that can be, everyone is answered."""
        self.advance(RETURN_TICKS * TICK)
        for _ in range(len(self.model.waiting) + len(KEYS)):
            for key in KEYS:
                value = self.model.value(key)
                self.model.swap(key, value, "")
                self.table.compare_and_swap(key, value, "")
            self.check()
        assert not self.model.waiting and not self.clients
        assert not self.reports


def run(seed: int, folder: Path) -> None:
    each = Run(seed, str(folder))
    for _ in range(STEPS_COUNT):
        each.step()
    each.serve_all()


@pytest.mark.parametrize("seed", range(2))
def test_the_table_does_what_the_model_does(seed: int, tmp_path: Path) -> None:
    run(seed, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(2, 100))
def test_the_table_does_what_the_model_does_for_long(seed: int, tmp_path: Path) -> None:
    run(seed, tmp_path)


def new_table(watch: Optional[lock_table.Watch] = None, **settings: int) -> LockTable:
    table = LockTable(None, watch or (lambda path, tell: None), **settings)  # type: ignore[arg-type]
    table.lead()
    return table


def acquire(table: LockTable, key: str, token: str, wait_s: Optional[float] = 0, **about: object) -> str:
    bid = MutexBid(Holder(token, **about))  # type: ignore[arg-type]
    return ask_table(table, key, bid, wait_s).verdict


def test_a_key_that_is_freed_while_clients_come_back_goes_to_the_first_of_them(tmp_path: Path) -> None:
    now = [1_000]
    tables = []
    for _ in range(2):
        journal = LockJournal.open(str(tmp_path), "boot", lambda *about: None)
        tables.append(LockTable(journal, lambda path, tell: None, clock_ns=lambda: now[0]))
        tables[-1].lead()
        if len(tables) == 1:
            assert acquire(tables[0], "k", "holder") == "granted"
            tables[0].close()
    table = tables[1]
    assert acquire(table, "unused before", "t") == "granted"
    assert acquire(table, "k", "holder") == "granted"  # its answer was lost
    assert table.release("k", "holder") == ("", True)
    verdicts = {}

    def ask(since_ns: int) -> threading.Thread:
        def run() -> None:
            verdicts[since_ns] = acquire(table, "k", str(since_ns), None, since_ns=since_ns)

        client = threading.Thread(target=run, daemon=True)
        client.start()
        return client

    clients = {}
    for count, since_ns in enumerate((30, 10, 20), 1):
        clients[since_ns] = ask(since_ns)
        wait_for(lambda count=count: {row.key: row.waiting_count for row in table.rows()}.get("k") == count)
    now[0] += lock_table.RETURN_NS - 1
    assert table.expire() == now[0] + 1 and table.load("k") == ""
    now[0] += 1
    for since_ns in (10, 20, 30):
        assert table.load("k") == str(since_ns)
        clients[since_ns].join(WAIT_S)
        assert verdicts.pop(since_ns) == "granted" and not verdicts
        table.release("k", str(since_ns))
    assert table.load("k") == "" and table.expire() is None


class Rivals:
    """A table whose time stands still, clients that wait in its queue, and one of the reference's, which tries."""

    def __init__(self) -> None:
        self.now = 1_000
        self.table = LockTable(None, lambda path, tell: None, clock_ns=lambda: self.now)
        self.table.lead()

    def enqueue(self, token: str) -> None:
        """Start a client that waits. It came now."""
        self.now += 1
        before = self._waiting_count()
        about = {"since_ns": self.now}
        threading.Thread(target=acquire, args=(self.table, "k", token, None), kwargs=about, daemon=True).start()
        wait_for(lambda: self._waiting_count() == before + 1)

    def tries(self, token: str = "acquired(pid=1,otp=0)", after_ns: int = 100_000_000) -> bool:
        """Try as a client of the reference does, some time after the last event; return whether it has the key now."""
        self.now += after_ns
        self.table.expire()
        return self.table.compare_and_swap("k", "", token)[1]

    def _waiting_count(self) -> int:
        return sum(row.waiting_count for row in self.table.rows())


def test_a_client_of_the_reference_and_those_in_the_queue_take_turns() -> None:
    rivals = Rivals()
    assert acquire(rivals.table, "k", "first") == "granted"
    assert not rivals.tries() and not rivals.tries()
    for token in ("second", "third"):
        rivals.enqueue(token)
    rivals.table.release("k", "first")
    assert rivals.table.load("k") == "" and rivals.tries()
    assert not rivals.tries("acquired(pid=2,otp=0)") and not rivals.tries("acquired(pid=2,otp=0)")
    rivals.enqueue("fourth")
    for token, next_one in (("acquired(pid=1,otp=0)", "second"), ("second", "third"), ("third", "")):
        rivals.table.release("k", token)
        assert rivals.table.load("k") == next_one
    assert rivals.tries("acquired(pid=2,otp=0)")
    assert not rivals.tries() and not rivals.tries()
    rivals.table.release("k", "acquired(pid=2,otp=0)")
    assert rivals.table.load("k") == "fourth"  # as it is their turn, though one has tried before


@pytest.mark.parametrize("tries_count, comes_at_once", [(1, True), (2, False)])
def test_a_client_of_the_reference_that_has_gone_is_waited_for_once(tries_count: int, comes_at_once: bool) -> None:
    rivals = Rivals()
    assert acquire(rivals.table, "k", "first") == "granted"
    assert not any(rivals.tries() for _ in range(tries_count))
    rivals.enqueue("second")
    rivals.table.release("k", "first")
    assert (rivals.table.load("k") == "second") == comes_at_once
    due_ns = rivals.table.expire()
    assert due_ns is None if comes_at_once else due_ns == rivals.now - 1 + pollers.PATIENCE_NS
    rivals.now = due_ns or rivals.now
    assert rivals.table.expire() is None and rivals.table.load("k") == "second"


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_a_request_that_comes_again_is_granted_again() -> None:
    table = new_table()
    assert [acquire(table, "k", "t"), acquire(table, "k", "t"), acquire(table, "k", "u")] == [
        "granted", "granted", "waiting",
    ]  # fmt: skip
    once = OnceBid(Holder(pid=7, since_ns=5))
    assert [ask_table(table, "o", once).verdict for _ in range(2)] == ["granted", "granted"]
    assert ask_table(table, "p", OnceBid(Holder())).verdict == "granted"
    assert ask_table(table, "p", OnceBid(Holder())).verdict == "waiting"  # two clients that say nothing of themselves


def test_a_plain_holder_shares_with_none_and_a_counted_one_with_as_many_as_all_accept() -> None:
    table = new_table()
    assert acquire(table, "k", "1") == "granted" and acquire(table, "k", "2", slots=9) == "waiting"
    table.release("k", "1")
    verdicts = [acquire(table, "k", str(slots), slots=slots) for slots in (5, 3, 4, 2, 9)]
    assert verdicts == ["granted", "granted", "granted", "waiting", "waiting"]
    assert table.load("k") == "slots(3/3)"
    table.release("k", "3")
    assert table.load("k") == "slots(2/4)"


def test_there_are_no_more_keys_and_waiters_than_there_may_be() -> None:
    table = new_table(keys_count=2, waiters_count=0)
    assert table.compare_and_swap("1", "", "x") == ("x", True)
    assert acquire(table, "2", "t") == "granted"
    with pytest.raises(NoRoom, match="2 keys"):
        table.compare_and_swap("3", "", "x")
    with pytest.raises(NoRoom, match="2 keys"):
        acquire(table, "3", "t")
    with pytest.raises(NoRoom, match="0 clients"):
        acquire(table, "2", "u", None)
    assert table.load("3") == "" and table.compare_and_swap("3", "", "") == ("", True)
    table.release("2", "t")
    assert acquire(table, "3", "t") == "granted"  # and the bid that was refused has left the queue


def test_a_job_that_ends_while_it_asks_holds_nothing() -> None:
    """The watch may tell of the end at once, on another thread."""
    threads: List[threading.Thread] = []

    def watch(path: str, tell: Callable[[str], None]) -> None:
        threads.append(threading.Thread(target=tell, args=(path,)))
        threads[-1].start()

    table = new_table(watch)
    assert acquire(table, "k", "t", alive="/gone") == "granted"
    for thread in threads:
        thread.join(WAIT_S)
    assert table.load("k") == "" and len(threads) == 1
