"""JSON on the short path: the interpreter's C scanner and encoder without the `json` package.

`json` imports `re`, which costs a short command more than everything else it does. The package is the
fallback for interpreters that lack the C module.
"""

try:
    import _json
except ImportError:
    _json = None  # type: ignore[assignment]


LONGEST_NUMBER = 400


class _Context:
    """The attributes that the C scanner asks its decoder for."""

    __slots__ = ("strict", "object_hook", "object_pairs_hook", "parse_float", "parse_int", "parse_constant", "memo")

    def __init__(self) -> None:
        self.strict = True
        self.object_hook = None
        self.object_pairs_hook = None
        self.parse_float = _parse_float
        self.parse_int = parse_int
        self.parse_constant = _refuse_constant
        self.memo: "dict[str, str]" = {}


def parse_int(text: str) -> int:
    """Return a whole number of a JSON text. Raises ValueError for one that is too long."""
    # Longer ones take time that grows with the square of their length, and are never meant as a number.
    if len(text) > LONGEST_NUMBER:
        raise ValueError(f"a number has more than {LONGEST_NUMBER} digits")
    return int(text)


def _parse_float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    return number


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a JSON value")


def loads(text: "str | bytes | bytearray") -> object:
    """Return the value of a JSON text. Raises ValueError saying what is wrong and where."""
    if not isinstance(text, str):
        text = bytes(text).decode("utf-8")
    document, end = _scan(text)
    end = _skip_blanks(text, end)
    if end != len(text):
        raise ValueError(f"unexpected text after the JSON value at character {end}")
    return document


def first_value(text: str) -> object:
    """Return the JSON value that a text begins with; what follows is ignored. Raises ValueError as `loads` does."""
    return _scan(text)[0]


def _scan(text: str) -> "tuple[object, int]":
    """Return the first value of a text and where it ends."""
    start = _skip_blanks(text, 0)
    if _json is None or not hasattr(_json, "make_scanner"):
        return _scan_by_package(text, start)
    try:
        return _json.make_scanner(_Context())(text, start)  # type: ignore[arg-type, no-any-return]
    except StopIteration as nothing:
        raise ValueError(f"expected a JSON value at character {nothing.value}") from None
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None
    except SystemError:
        # The scanners of 3.10 and 3.11 cannot word an error before `json.decoder` is loaded.
        return _scan_by_package(text, start)


def dumps(document: object) -> str:
    """Return compact JSON, ASCII only, keys in the order given. Raises TypeError or ValueError for other types."""
    if _json is None or not getattr(_json, "make_encoder", None):
        return _dumps_by_package(document)
    encode = _json.make_encoder(None, _refuse_type, _json.encode_basestring_ascii, None, ":", ",", False, False, False)
    try:
        return "".join(encode(document, 0))
    except RecursionError:
        raise ValueError("the value is nested too deeply for JSON") from None


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\n\r":
        at += 1
    return at


def _refuse_type(element: object) -> object:
    raise TypeError(f"a {type(element).__name__} is not a JSON value")


def _scan_by_package(text: str, start: int) -> "tuple[object, int]":
    import json

    decoder = json.JSONDecoder(parse_constant=_refuse_constant, parse_int=parse_int, parse_float=_parse_float)
    try:
        return decoder.raw_decode(text, start)
    except RecursionError:
        raise ValueError("the JSON text is nested too deeply") from None


def _dumps_by_package(document: object) -> str:
    import json

    return json.dumps(document, separators=(",", ":"), allow_nan=False)
