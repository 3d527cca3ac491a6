"""What the table of locks is meant to do, as plainly as it can be said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, List, Set


@dataclass(eq=False)
class Try:
    """A client's request, and what became of it."""

    key: str
    kind: str  # "acquire" or "do"
    token: str
    since: int
    slots: int = 1
    ttl: int = 0
    alive: str = ""
    keep: bool = False
    is_gone: bool = False
    verdict: str = "waiting"
    ends_at: int = 0


class LockModel:
    """Texts and holders by key, and every try that waits."""

    def __init__(self) -> None:
        self.texts: Dict[str, str] = {}
        self.holders: Dict[str, List[Try]] = {}
        self.waiting: List[Try] = []
        self.inherited: Set[str] = set()  # what nobody gets before all have had the time to come back to a new leader
        self.returned_at = 0

    def value(self, key: str) -> str:
        holders = self.holders.get(key, [])
        if self.texts.get(key) or not holders:
            return self.texts.get(key, "")
        slots = min(holder.slots for holder in holders)
        return holders[0].token if slots == 1 else f"slots({len(holders)}/{slots})"

    def swap(self, key: str, old: str, new: str) -> bool:
        if self.value(key) != old:
            return False
        if old != new:
            self.texts[key], self.holders[key] = new, []
        return True

    def drop(self, key: str, *gone: Try) -> None:
        before = self.holders.get(key, [])
        self.holders[key] = [holder for holder in before if holder not in gone]
        if before and not self.holders[key]:
            self.texts[key] = ""

    def begin_term(self, now: int, returned_at: int) -> None:
        """Another leader begins."""
        self.waiting.clear()
        self.inherited = {key for key in (*self.texts, *self.holders) if self.value(key)}
        self.returned_at = returned_at

    def settle(self, now: int) -> "List[Try]":
        """Answer those that need not wait, the first to come first; return them in that order."""
        if self.returned_at <= now:
            self.inherited.clear()
        answered: List[Try] = []
        for key in sorted({each.key for each in self.waiting}):
            while True:
                queue = sorted((each for each in self.waiting if each.key == key), key=lambda each: each.since)
                queue.sort(key=lambda each: self.verdict(each) not in ("invalid", "finished"))
                verdict = self.verdict(queue[0]) if queue else "waiting"
                if verdict == "waiting":
                    break
                first = queue[0]
                self.waiting.remove(first)
                first.verdict = "ended" if first.is_gone else verdict
                if first.verdict == "granted":
                    first.ends_at = now + first.ttl if first.ttl else 0
                    self.texts[key] = "doing" if first.kind == "do" else ""
                    self.holders.setdefault(key, []).append(first)
                answered.append(first)
        return answered

    def verdict(self, first: Try) -> str:
        verdict = self.verdict_without_delay(first)
        return "waiting" if verdict == "granted" and first.key in self.inherited else verdict

    def verdict_without_delay(self, first: Try) -> str:
        text, holders = self.texts.get(first.key, ""), self.holders.get(first.key, [])
        if first.kind == "do":
            return {"": "invalid" if holders else "granted", "doing": "waiting", "done": "finished"}.get(
                text, "invalid"
            )
        if text:
            return "invalid" if text in ("doing", "done") else "waiting"
        most = min([first.slots] + [holder.slots for holder in holders])
        return "granted" if len(holders) < most else "waiting"
