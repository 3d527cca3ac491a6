"""How long ago moments were that the store has, whatever happens to the system's clock meanwhile."""

from __future__ import annotations

from typing import Callable, Dict, Optional, Tuple


class Ages:
    """Asks the clock of the moments only when it meets one for the first time; from then on `steady` counts."""

    def __init__(self, steady: Callable[[], float]) -> None:
        self._steady = steady
        self._moments: Dict[Tuple[str, float], float] = {}
        self._met: Dict[Tuple[str, float], float] = {}

    def age_s(self, id: str, moment: Optional[float], now: float) -> float:
        """Return the seconds since a moment of the object with this id, 0 for None or one that is to come."""
        if moment is None:
            return 0.0
        steady_at = self._moments.get((id, moment))
        if steady_at is None:
            steady_at = self._steady() - max(0.0, now - moment)
        self._met[id, moment] = steady_at
        return self._steady() - steady_at

    def forget_others(self) -> None:
        """Forget the moments that were not asked about since the last call."""
        self._moments, self._met = self._met, {}
