"""Read a configuration file in the reference's format.

`configparser` wants sections, splits at other places and knows neither the quote rules nor `export`, so
this follows the format line by line: `key=value` (or `key: value` where there is no `=`), `#` comments
outside quotes, exactly two like quotes around a value taken off.
"""

import os

from bkagent.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Mapping, Tuple

    from bkagent.config.option import Option


def read(path: str) -> "Dict[str, Tuple[str, str]]":
    """Return {key: (text, "PATH, line N")}; of equal keys the last wins. Raises ConfigError."""
    try:
        with open(path, encoding="utf-8-sig", errors="surrogateescape") as file:
            lines = file.read().splitlines()
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error.strerror}") from None
    found: "Dict[str, Tuple[str, str]]" = {}
    for number, line in enumerate(lines, 1):
        text = _without_comment(line).strip()
        if not text:
            continue
        key, value = _split(text, f"{path}, line {number}")
        found[key] = (value, f"{path}, line {number}")
    return found


def unknown_keys(found: "Mapping[str, Tuple[str, str]]", options: "Iterable[Option]") -> "List[str]":
    """Return one sentence for each key that no option has."""
    known = {option.name for option in options if option.in_file}
    return [f'unknown setting "{key}" ({place}) is ignored' for key, (_, place) in found.items() if key not in known]


def search(environ: "Mapping[str, str]", beside: str) -> str:
    """Return the first configuration file of the usual places that exists, or "".

    `beside` is the folder of the executable. bkagent.cfg goes before buildkite-agent.cfg in each place.
    """
    places = [beside, *_usual_places(environ)]
    for place in places:
        for name in ("bkagent.cfg", "buildkite-agent.cfg"):
            path = os.path.join(place, name)
            if place and os.path.isfile(path):
                return path
    return ""


def _usual_places(environ: "Mapping[str, str]") -> "List[str]":
    if os.sep == "\\":
        profile = environ.get("USERPROFILE", "")
        local = os.path.join(profile, "AppData", "Local") if profile else ""
        names = ("buildkite-agent", "BuildkiteAgent") if local else ()
        return ["C:\\buildkite-agent", *(os.path.join(local, name) for name in names)]
    home = environ.get("HOME", "")
    own = [os.path.join(home, ".buildkite-agent")] if home else []
    return [*own, "/opt/homebrew/etc/buildkite-agent", "/usr/local/etc/buildkite-agent", "/etc/buildkite-agent"]


def _without_comment(line: str) -> str:
    """Cut a line at the first `#` that no open quote protects."""
    at = line.find("#")
    while at >= 0:
        before = line[:at]
        if before.count('"') % 2 == 0 and before.count("'") % 2 == 0:
            return before
        at = line.find("#", at + 1)
    return line


def _split(text: str, place: str) -> "Tuple[str, str]":
    key, separator, value = text.partition("=")
    if not separator:
        key, separator, value = text.partition(":")
    if not separator:
        raise ConfigError(f'{place}: expected "key=value", found "{text}"')
    if key.startswith("export"):
        key = key[len("export") :]
    return key.strip(), _unquoted(value.strip())


def _unquoted(value: str) -> str:
    if value.count('"') == 2 or value.count("'") == 2:
        value = value.strip("\"'")
        return value.replace('\\"', '"').replace("\\n", "\n")
    return value
