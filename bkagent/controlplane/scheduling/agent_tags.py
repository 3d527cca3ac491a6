"""Whether an agent may run a job: its tags must meet every rule of the job."""

from __future__ import annotations

from typing import Collection, Dict, Iterable, Set

DEFAULT_QUEUE = "default"
# The tag of an agent that takes every job, for where there is nobody else to take it.
ANY_JOB = "*"


def meet(rules: Iterable[str], tags: Collection[str]) -> bool:
    """Say whether tags ("key=value", several for a key allowed) meet every rule.

    "key=*" and "key=" take any value of the tag, a lone "*" anything. Jobs and agents without a queue belong to
    the queue "default". An agent with the tag "*" suits every job.
    """
    if ANY_JOB in tags:
        return True
    has = _tags(tags)
    wants = [rule for rule in rules if rule.strip() != "*"]
    if not any(rule.partition("=")[0].strip() == "queue" for rule in wants):
        wants.append(f"queue={DEFAULT_QUEUE}")
    for rule in wants:
        key, _, value = rule.partition("=")
        found = has.get(key.strip(), set())
        if not found or (value.strip() not in ("", "*") and value.strip() not in found):
            return False
    return True


def queue_of(tags: Iterable[str]) -> str:
    """Return the queue that tags or rules name, "default" where they name none."""
    for tag in tags:
        key, _, value = tag.partition("=")
        if key.strip() == "queue":
            return value.strip()
    return DEFAULT_QUEUE


def _tags(tags: Iterable[str]) -> Dict[str, Set[str]]:
    has: Dict[str, Set[str]] = {}
    for tag in tags:
        key, _, value = tag.partition("=")
        has.setdefault(key.strip(), set()).add(value.strip())
    has.setdefault("queue", {DEFAULT_QUEUE})
    return has
