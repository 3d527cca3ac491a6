"""How pages word times, durations and states."""

from __future__ import annotations

from typing import Optional

from bkagent.controlplane.web.ui.markup import NOTHING, Html, fill
from bkagent.wire.timestamps import text_of

# What a colour and a sign in front of a state say. States not listed are plain.
_SIGNS = {
    "passed": ("good", "\u2713"), "failed": ("bad", "\u2717"), "failing": ("bad", "\u2717"),
    "timed_out": ("bad", "\u2717"), "canceled": ("still", "\u2205"), "canceling": ("busy", "\u2205"),
    "timing_out": ("busy", "\u2205"),
    "running": ("busy", "\u25b6"), "accepted": ("busy", "\u25b6"), "assigned": ("busy", "\u25b6"),
    "blocked": ("wait", "\u2016"), "scheduled": ("wait", "\u2026"), "waiting": ("wait", "\u2026"),
    "unblocked": ("good", "\u2713"), "broken": ("still", "\u2013"), "skipped": ("still", "\u2013"),
    "connected": ("good", "\u2713"), "lost": ("bad", "\u2717"), "soft failed": ("warn", "!"),
    "paused": ("warn", "\u2016"), "stopping": ("wait", "\u2026"),
}  # fmt: skip


def state(word: str) -> Html:
    """Return a state with its colour and its sign; the word itself always stands there too."""
    kind, sign = _SIGNS.get(word, ("still", "\u00b7"))
    template = '<span class="state {kind}"><i aria-hidden="true">{sign}</i> {word}</span>'
    return fill(template, kind=kind, sign=sign, word=word.replace("_", " "))


def moment(at: Optional[float]) -> Html:
    """Return a moment for people and machines, nothing for one that has not come."""
    if at is None:
        return NOTHING
    text = text_of(at)
    return fill('<time datetime="{text}">{shown} UTC</time>', text=text, shown=text[:19].replace("T", " "))


def ago(at: Optional[float], now: float) -> Html:
    """Return how long ago a moment was; the script of the pages counts on."""
    if at is None:
        return NOTHING
    text = text_of(at)
    return fill(
        '<time datetime="{text}" title="{shown} UTC" data-since="{at}" data-words=" ago">{past} ago</time>',
        text=text, shown=text[:19].replace("T", " "), at=int(at), past=coarse_duration(now - at),
    )  # fmt: skip


def coarse_duration(seconds: float) -> str:
    """Return a length of time in its largest unit, such as "5 min"."""
    for unit, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= unit:
            return f"{int(seconds // unit)} {name}"
    return f"{max(0, int(seconds))} s"


def duration(seconds: Optional[float]) -> str:
    """Return a length of time in its two largest units, such as "1h 5m", "" for None."""
    if seconds is None or seconds < 0:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}s" if seconds < 10 else f"{seconds:.0f}s"
    whole = int(seconds)
    if whole < 3600:
        return f"{whole // 60}m {whole % 60}s"
    if whole < 86400:
        return f"{whole // 3600}h {whole % 3600 // 60}m"
    return f"{whole // 86400}d {whole % 86400 // 3600}h"


def between(start: Optional[float], end: Optional[float], now: float) -> Html:
    """Return how long something took, or has been taking: then the script of the pages counts on."""
    if start is None:
        return NOTHING
    text = duration((now if end is None else end) - start)
    return (
        fill("{text}", text=text)
        if end is not None
        else fill('<span data-since="{start}">{text}</span>', start=int(start), text=text)
    )
