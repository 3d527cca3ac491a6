"""Read a configuration file in the reference's format.

`configparser` wants sections, splits at other places and knows neither the quote rules nor `export`, so
this follows the format line by line: `key=value` (or `key: value` where there is no `=`), `#` comments
outside quotes, exactly two like quotes around a value taken off.
"""

import os

from bkagent.errors import ConfigError
from bkagent.system import host

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, Iterator, List, Mapping, Optional, Tuple

    from bkagent.config.option import Option


NAMES = ("bkagent.cfg", "buildkite-agent.cfg")

# Keys of no option that may stand in a file: what a file cannot say about itself is ignored, as there.
PASSED_OVER = ("config",)


def read(path: str) -> "Dict[str, Tuple[str, str]]":
    """Return {key: (text, "PATH, line N")}; of equal keys the last wins. Raises ConfigError."""
    settings: "Dict[str, Tuple[str, str]]" = {}
    for number, key, value in lines(path):
        origin = f"{path}, line {number}"
        if key is None:
            raise ConfigError(f"{origin}: {no_separator(value)}")
        settings[key] = (value, origin)
    return settings


def lines(path: str) -> "Iterator[Tuple[int, Optional[str], str]]":
    """Yield (line number, key, text) of each setting; (number, None, line) without a separator.

    Raises ConfigError for a file that cannot be read.
    """
    try:
        # Lines end where "\n" stands, with or without "\r"; other line ends of Unicode are part of values.
        with open(path, encoding="utf-8-sig", errors="surrogateescape", newline="\n") as file:
            texts = file.read().split("\n")
    except OSError as error:
        raise ConfigError(f"cannot read the configuration file {path}: {error.strerror}") from None
    for number, line in enumerate(texts, 1):
        whole = line[:-1] if line.endswith("\r") else line
        text = whole.strip(" \t")
        if text and not text.startswith("#"):
            yield (number, *_split(_strip_comment(whole)))


def no_separator(line: str) -> str:
    """Return the sentence for a line that is not a setting."""
    return f'expected "key=value", found "{line}"'


def unknown_keys(settings: "Mapping[str, Tuple[str, str]]", options: "Iterable[Option]") -> "List[str]":
    """Return one sentence for each key that no option has."""
    known = [option.name for option in options if option.in_file]
    return [
        f"{origin}: {unknown_key(key, known)}"
        for key, (_, origin) in settings.items()
        if key not in known and key not in PASSED_OVER
    ]


def unknown_key(key: str, known: "List[str]") -> str:
    """Return the sentence for a key that no option has, with what it may have been meant to be."""
    from bkagent.config.suggest import closest

    near = closest(key.replace("_", "-").lower(), known)
    return f'unknown setting "{key}" is ignored' + (f'; did you mean "{near}"?' if near else "")


def search(environ: "Mapping[str, str]", beside: "Iterable[str]" = ()) -> str:
    """Return the first configuration file of the usual places that exists, or "".

    A bkagent.cfg in any of them goes before the buildkite-agent.cfg that the reference would read.
    `beside` are folders to look into first: that of the executable.
    """
    folders = [*beside, *usual_places(environ)]
    for name in NAMES:
        for folder in folders:
            path = os.path.join(folder, name)
            if folder and os.path.isfile(path):
                return path
    return ""


def usual_places(environ: "Mapping[str, str]") -> "List[str]":
    """Return the folders where a configuration file is looked for, first one first."""
    system = host.goos()
    if system == "windows":
        profile = environ.get("USERPROFILE", "")
        local = profile + "\\AppData\\Local\\" if profile else ""
        names = ("buildkite-agent", "BuildkiteAgent") if local else ()
        return ["C:\\buildkite-agent", *(local + name for name in names)]
    home = environ.get("HOME", "")
    own = [os.path.join(home, ".buildkite-agent")] if home else []
    if system == "darwin" and host.goarch() == "arm64":
        own.append("/opt/homebrew/etc/buildkite-agent")
    return [*own, "/usr/local/etc/buildkite-agent", "/etc/buildkite-agent"]


def _strip_comment(line: str) -> str:
    """Take out what a `#` begins, up to the next one, unless a quote is open before or behind it.

    A piece between two `#` opens or closes a quote when it has exactly one of a kind, as in `# it's`, which therefore
    stays. Source: file.go of the reference's cliconfig.
    """
    pieces: "List[str]" = []
    is_open = False
    for piece in line.split("#"):
        turns = piece.count('"') == 1 or piece.count("'") == 1
        if not pieces or turns or is_open:
            pieces.append(piece)
        is_open = is_open != turns
    return "#".join(pieces)


def _split(text: str) -> "Tuple[Optional[str], str]":
    key, separator, value = text.partition("=")
    if not separator:
        key, separator, value = text.partition(":")
    if not separator:
        return None, text
    if key.startswith("export"):
        key = key[len("export") :]
    return key.strip(), _unquote(value.strip())


def _unquote(value: str) -> str:
    if value.count('"') == 2 or value.count("'") == 2:
        value = value.strip("\"'")
        return value.replace('\\"', '"').replace("\\n", "\n")
    return value
