"""Sizes for people, as the reference prints them: 4 B, 9.8 KiB, 12 MiB."""

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def format_size(size: int) -> str:
    """Return a number of bytes in the largest unit that fits; one decimal below ten."""
    if size < 10:
        return f"{size} B"
    exponent = 0
    while size >= 1024 ** (exponent + 1) and exponent < len(_UNITS) - 1:
        exponent += 1
    value = int(size / 1024**exponent * 10 + 0.5) / 10
    return f"{value:.1f} {_UNITS[exponent]}" if value < 10 else f"{value:.0f} {_UNITS[exponent]}"
