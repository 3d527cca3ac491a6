"""The tags of agents, and whether they meet the rules of a job."""

from __future__ import annotations

from typing import Collection, Dict, Iterable, Set

DEFAULT_QUEUE = "default"
# The tag of an agent that takes every job: in a local run there are no other agents.
ANY_JOB = "*"


def meet(rules: Iterable[str], tags: Collection[str]) -> bool:
    """Say whether tags ("key=value", several for a key allowed) meet every rule.

    "key=*" and "key=" take any value of the tag, a lone "*" anything. Jobs and agents without a queue belong to
    the queue "default". An agent with the tag "*" meets all rules.
    """
    if ANY_JOB in tags:
        return True
    values_by_key = _values_by_key(tags)
    needed = [rule for rule in rules if rule.strip() != "*"]
    if not any(rule.partition("=")[0].strip() == "queue" for rule in needed):
        needed.append(f"queue={DEFAULT_QUEUE}")
    for rule in needed:
        key, _, value = rule.partition("=")
        values = values_by_key.get(key.strip(), set())
        if not values or (value.strip() not in ("", "*") and value.strip() not in values):
            return False
    return True


def queue_of(tags: Iterable[str]) -> str:
    """Return the queue that tags or rules name, "default" if they name no queue."""
    for tag in tags:
        key, _, value = tag.partition("=")
        if key.strip() == "queue":
            return value.strip()
    return DEFAULT_QUEUE


def _values_by_key(tags: Iterable[str]) -> Dict[str, Set[str]]:
    values_by_key: Dict[str, Set[str]] = {}
    for tag in tags:
        key, _, value = tag.partition("=")
        values_by_key.setdefault(key.strip(), set()).add(value.strip())
    values_by_key.setdefault("queue", {DEFAULT_QUEUE})
    return values_by_key
