"""Which variables hold secrets, by the patterns of `redacted-vars`, and their values taken out of a text.

On the short path: `annotate`, `meta-data set` and their like scrub what they send.
"""

from bkagent.config.options.job import ARTIFACT_DESTINATION_VARIABLE
from bkagent.redaction.name_pattern import BadNamePattern, NamePattern
from bkagent.redaction.needles import encoded_needles_of, needles_of, redacted, to_bytes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Mapping, Optional, Tuple, Union

    from bkagent.redaction.needles import Needle

# A credential itself, though its name looks like none: redacted whatever the patterns are.
GOOGLE_CREDENTIALS = "BUILDKITE_GS_APPLICATION_CREDENTIALS_JSON"
_ALWAYS_CHECKED = (GOOGLE_CREDENTIALS, ARTIFACT_DESTINATION_VARIABLE)
SHORTEST_BYTES = 6  # shorter values would tear holes into innocent text


class Found:
    """What the patterns found. `values` belong to the sorted `names`. Nothing is found where patterns are bad."""

    __slots__ = ("names", "values", "short_names", "bad_patterns")

    def __init__(
        self,
        names: "Tuple[str, ...]" = (),
        values: "Tuple[str, ...]" = (),
        short_names: "Tuple[str, ...]" = (),
        bad_patterns: "Tuple[str, ...]" = (),
    ) -> None:
        self.names = names
        self.values = values
        self.short_names = short_names  # not empty, and too short to be redacted
        self.bad_patterns = bad_patterns


def values_of(env: "Mapping[str, str]", patterns: "Iterable[str]") -> Found:
    """Return the values to redact. A malformed pattern that any name reaches makes the whole search fail."""
    return SecretNames(patterns).find(env)


class SecretNames:
    """The patterns of secret names, for several environments."""

    __slots__ = ("_compiled", "_endings")

    def __init__(self, patterns: "Iterable[str]") -> None:
        self._compiled = [(pattern, _compiled(pattern)) for pattern in patterns]
        self._endings = _endings(self._compiled)

    def find(self, env: "Mapping[str, str]") -> Found:
        """Return the values to redact, as `values_of` does."""
        compiled, endings = self._compiled, self._endings
        secrets: "Dict[str, str]" = {}
        short: "List[str]" = []
        bad: "List[str]" = []
        for name in sorted(env):
            if endings is not None and not name.endswith(endings) and name not in _ALWAYS_CHECKED:
                continue
            verdict = True if name == GOOGLE_CREDENTIALS else _verdict(name, compiled)
            value = env[name] if verdict is True else _signature_in(name, env[name])
            if value and len(to_bytes(value)) >= SHORTEST_BYTES:
                secrets[name] = value
            elif value:
                short.append(name)
            if isinstance(verdict, list):
                bad += verdict
        if bad:
            malformed = tuple(pattern for pattern in dict.fromkeys(text for text, _ in compiled) if pattern in bad)
            return Found(bad_patterns=malformed)
        return Found(tuple(secrets), tuple(secrets.values()), tuple(short))


def _endings(compiled: "List[Tuple[str, Optional[NamePattern]]]") -> "Optional[Tuple[str, ...]]":
    """Return the endings by which the patterns fit names, None where one of them is more than that."""
    endings = tuple(pattern.ending for _, pattern in compiled if pattern is not None and pattern.ending is not None)
    return endings if len(endings) == len(compiled) else None


def _signature_in(name: str, value: str) -> str:
    """Return the signature of a destination in Azure, by which anyone may write there; "" without one."""
    if name != ARTIFACT_DESTINATION_VARIABLE or "sig=" not in value:
        return ""
    query = value.partition("?")[2].split("&")
    return next((pair[len("sig=") :] for pair in query if pair.startswith("sig=")), "")


def _verdict(name: str, compiled: "List[Tuple[str, Optional[NamePattern]]]") -> "Union[bool, List[str]]":
    """Return whether a pattern fits the name, or the malformed patterns that it met before one did."""
    bad = []
    for text, pattern in compiled:
        if pattern is None:
            bad.append(text)
        elif pattern.matches(name):
            return bad or True
    return bad or False


def _compiled(pattern: str) -> "Optional[NamePattern]":
    try:
        return NamePattern(pattern)
    except BadNamePattern:
        return None


class SecretValues:
    """The values of matching variables, to take out of texts; none where there are `bad_patterns`."""

    __slots__ = ("bad_patterns", "_values", "_needles", "_encoded")

    def __init__(self, env: "Mapping[str, str]", patterns: "Iterable[str]") -> None:
        secrets = values_of(env, patterns)
        self.bad_patterns = secrets.bad_patterns
        self._values = secrets.values
        self._needles = [needle for value in secrets.values for needle in needles_of(value)]
        self._encoded: "Dict[str, List[Needle]]" = {}

    def scrub(self, text: str) -> str:
        """Return `text` with `[REDACTED]` for each value and its forms; `text` itself without any."""
        if not self._values:
            return text
        before = to_bytes(text)
        needles = list(self._needles)
        for value in self._values:
            # A text that is shorter than a secret holds no encoded form of it, and making them takes its time.
            if len(before) >= len(value):
                needles += self._encoded_forms(value)
        after = redacted(before, needles)
        return text if after is before else after.decode("utf-8", "surrogateescape")

    def _encoded_forms(self, value: str) -> "List[Needle]":
        if value not in self._encoded:
            self._encoded[value] = encoded_needles_of(value)
        return self._encoded[value]
