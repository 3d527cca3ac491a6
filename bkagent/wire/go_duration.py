"""Seconds as Go writes a duration: `287µs`, `237ms`, `1.5s`, `1m29.442s`. On the short path."""


def format_rounded(seconds: float) -> str:
    """Return seconds to the millisecond."""
    milliseconds = round(seconds * 1000)
    if milliseconds < 1000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    minutes, rest = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def format_precise(seconds: float) -> str:
    """Return seconds to the microsecond below one second, to the millisecond above."""
    microseconds = round(seconds * 1_000_000)
    if microseconds >= 1_000_000:
        return format_rounded(seconds)
    if microseconds < 1000:
        return f"{microseconds}µs"
    return f"{microseconds / 1000:.3f}".rstrip("0").rstrip(".") + "ms"
