"""Ranks of the steps and gates of a graph: each comes after all that it waits for."""

from __future__ import annotations

import itertools
from typing import Dict, List, Mapping, Sequence

from bkagent.controlplane.scheduling.graph.gates import Gate, Ranked
from bkagent.controlplane.scheduling.graph.graph_steps import GraphStep

# What is to be looked at again after each step and gate, those that are ranked now first.
Followers = Dict[Ranked, Sequence[Ranked]]


def followers_of(new: Sequence[Ranked], slot_gates: Mapping[str, Gate]) -> Followers:
    """Return what follows each of these."""
    followers: Followers = {}
    for each in new:
        if isinstance(each, GraphStep):
            slots = {job.slot_id for job in each.jobs.values()}
            gates = [gate for gate, _ in each.gates]
            followers[each] = [*gates, *(slot_gates[slot] for slot in slots if slot in slot_gates)]
        elif isinstance(each, Gate):
            followers[each] = each.waiting
    return followers


def in_order(followers: Followers) -> List[Ranked]:
    """Return the keys so that each comes before its followers; [] if some wait in a circle."""
    missing: Dict[Ranked, int] = dict.fromkeys(followers, 0)
    for follower in itertools.chain.from_iterable(followers.values()):
        if follower in missing:
            missing[follower] += 1
    ordered = [each for each, count in missing.items() if not count]
    for each in ordered:  # grows meanwhile
        for follower in followers[each]:
            if follower in missing:
                missing[follower] -= 1
                if not missing[follower]:
                    ordered.append(follower)
    return ordered if len(ordered) == len(followers) else []


def insert(followers: Followers, before: Sequence[GraphStep]) -> bool:
    """Give new steps and gates ranks between what they wait for and what waits for them; say whether there is room.

    `before` are steps from before that new gates have as members.
    """
    lowest, highest = max((step.rank for step in before), default=-1.0), float("inf")
    for each, of_each in followers.items():
        inputs = [gate for gate, _ in each.inputs] if isinstance(each, GraphStep) else []
        if isinstance(each, Gate) and each.previous is not None:
            inputs.append(each.previous)
        lowest = max([lowest, *(gate.rank for gate in inputs if gate not in followers)])
        highest = min([highest, *(follower.rank for follower in of_each if follower not in followers)])
    ordered = in_order(followers)
    gap = (min(highest, lowest + 1.0) - lowest) / (len(ordered) + 1)
    ranks = [lowest + gap * number for number in range(1, len(ordered) + 1)]
    bounds = [lowest, *ranks, highest]
    if len(ordered) < len(followers) or not all(low < high for low, high in zip(bounds, bounds[1:])):
        return False
    for each, rank in zip(ordered, ranks):
        each.rank = rank
    return True
