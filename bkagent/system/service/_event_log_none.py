"""Systems whose log of events is that of the program which started the service; the promise is in event_log.py."""


def register(source: str) -> None:
    """Do nothing."""


def unregister(source: str) -> None:
    """Do nothing."""


class EventLog:
    """Writes nothing."""

    def __init__(self, source: str) -> None:
        """Need nothing."""

    def write(self, kind: int, event_id: int, text: str) -> None:
        """Do nothing."""
