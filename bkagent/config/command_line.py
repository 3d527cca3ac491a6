"""Split a command line into flags and arguments, by the reference's conventions.

`argparse` costs 15 ms of a short command's time and knows neither Go's `-flag` and `--flag=false` nor
flags after arguments in its subcommands, so this is ours: one or two dashes, `--flag=value` or
`--flag value`, flags before and after arguments, `--` ends them.
"""

from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Sequence, Tuple

    from bkagent.config.option import Option


def split(words: "Sequence[str]", options: "Sequence[Option]") -> "Tuple[Dict[str, List[str]], List[str]]":
    """Return (texts by flag name, arguments). Raises UsageError for an unknown flag or a missing value."""
    known = {option.name: option for option in options}
    flags: "Dict[str, List[str]]" = {}
    arguments: "List[str]" = []
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word == "--":
            return flags, arguments + list(words[at:])
        if not is_flag(word):
            arguments.append(word)
            continue
        name, equals, text = word.lstrip("-").partition("=")
        option = known.get(name)
        if option is None:
            raise UsageError(_unknown(name, list(known)))
        if not equals:
            if not option.kind.takes_value:
                text = "true"
            elif at < len(words):
                text = words[at]
                at += 1
            else:
                raise UsageError(f"the flag --{name} needs a value")
        flags.setdefault(name, []).append(text)
    return flags, arguments


def is_flag(word: str) -> bool:
    """Say whether a word is a flag: dashes followed by a letter. A lone "-" and negative numbers are not."""
    stripped = word.lstrip("-")
    return 0 < len(word) - len(stripped) <= 2 and stripped[:1].isalpha()


def _unknown(name: str, known: "List[str]") -> str:
    from bkagent.config.nearest import nearest

    near = nearest(name, known)
    return f"there is no flag --{name}" + (f"; did you mean --{near}?" if near else "")
