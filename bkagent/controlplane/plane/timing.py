"""How often agents call the control plane, and after which silence it gives up waiting for them."""

from __future__ import annotations

import dataclasses

from bkagent.wire.registration import LOST_AFTER_S


@dataclasses.dataclass(frozen=True)
class Timing:
    """Intervals that agents are told, and limits after which an agent, an offer or a start counts as missed.

    offer_s           how long an agent may leave an offer unanswered
    unheard_offer_s   the same for one that says nothing at all: it has not heard of the offer
    ending_s          how long an agent that goes on calling may take to end a job as it was told: longer than any usual
                      grace period of a cancel signal, as by a rule the job may then run on another agent
    expected_s        within this time an agent that has ended a job pings again, and others wait so long for it
    """

    ping_interval_s: float = 1.0
    job_status_interval_s: float = 1.0
    heartbeat_interval_s: float = 30.0
    chunk_interval_s: float = 1.0
    lost_after_s: float = LOST_AFTER_S
    offer_s: float = 60.0
    unheard_offer_s: float = 10.0
    expected_s: float = 0.005
    accepted_s: float = 900.0
    ending_s: float = 900.0
    pause_minutes: int = 5


def timing_of(lost_after_s: float) -> Timing:
    """Return the timing with this limit for silent agents; they are told to send six heartbeats within it."""
    return Timing(lost_after_s=lost_after_s, heartbeat_interval_s=min(30.0, lost_after_s / 6))
