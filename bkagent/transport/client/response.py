"""An HTTP answer: its status, its headers whatever their case, its body."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Optional, Tuple


class Headers:
    """Header lines in the order they came; names compare without case."""

    __slots__ = ("_pairs", "_values")

    def __init__(self, pairs: Iterable[Tuple[str, str]] = ()) -> None:
        self._pairs: List[Tuple[str, str]] = list(pairs)
        self._values: Dict[str, str] = {}
        for name, value in self._pairs:
            key = name.lower()
            self._values[key] = f"{self._values[key]}, {value}" if key in self._values else value

    def get(self, name: str, default: Optional[str] = None) -> Optional[str]:
        """Return the values of every line of that name joined by ", ", or `default` without one."""
        return self._values.get(name.lower(), default)

    def items(self) -> List[Tuple[str, str]]:
        """Return (name, value) of every line."""
        return list(self._pairs)

    def __contains__(self, name: str) -> bool:
        return self.get(name) is not None

    def __repr__(self) -> str:
        return f"Headers({self._pairs!r})"


class Response:
    """One answer. `body` is empty where a sink has taken it; gzip is already undone."""

    __slots__ = ("status", "headers", "body")

    def __init__(self, status: int, headers: Headers, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
