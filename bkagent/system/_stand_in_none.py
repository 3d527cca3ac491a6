"""Where no process can stand in for another; the promises are in `stand_in`."""

AVAILABLE = False


def hand_over(path: str) -> None:
    """Nobody serves here."""
