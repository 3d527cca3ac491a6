"""Locks as people read them."""

from __future__ import annotations

from typing import Any, Dict, List, Sequence, Tuple

from bkagent.cli.pages import table_layout
from bkagent.config.kinds import duration_text
from bkagent.wire.shown_text import one_line

_HEADS = ("KEY", "STATE", "SINCE", "PROCESS", "JOB", "AGENT", "EXPIRES IN", "WAITING")
_TOKEN = "acquired("  # begins the value of a mutex that is held; the rest is for its holder


def table(locks: Sequence[Dict[str, Any]]) -> List[str]:
    """Return a line for each holder, and one for each key that has none."""
    if not locks:
        return ["no key is in use"]
    return table_layout.lines([_HEADS, *(row for lock in locks for row in _rows(lock))])


def _rows(lock: Dict[str, Any]) -> List[Tuple[str, ...]]:
    value = str(lock.get("value", ""))
    state = "held" if value.startswith(_TOKEN) else one_line(value) or "free"
    rows = []
    for holder in lock.get("holders") or [{}]:
        expiry_ms = holder.get("expires_in_ms")
        cells = [holder.get(name) for name in ("since", "pid", "job", "agent")]
        cells.append(None if expiry_ms is None else duration_text(round(expiry_ms / 1000)))
        shown = [one_line(str(cell)) if cell else "-" for cell in cells]
        rows.append((one_line(str(lock.get("key"))), state, *shown, str(lock.get("waiting", 0))))
    return rows
