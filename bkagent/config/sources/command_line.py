"""Split a command line into flags and arguments, by the reference's conventions.

`argparse` costs 15 ms of a short command's time and knows none of them: Go's `-flag` and `--flag=false`,
flags behind arguments, and what its parser makes of odd cases, which scripts rely on. So this is ours, in
two steps as there. First the flags that the command knows are moved before the arguments, each with the
word behind it unless that is such a flag or the flag holds a `=`. Then flags are read up to the first word
that is not a flag, and the rest are arguments. From this follows that

- a flag that means true by being there takes the argument behind it along, so that reading stops there;
- an unknown flag behind an argument is an argument, and an error elsewhere;
- the first `--` ends the flags, wherever it is, and is not an argument itself;
- a last flag without its value takes the first argument.

Source: urfave/cli 1.22 and Go's `flag`, as buildkite-agent 3.137 uses them.
"""

from bkagent.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, List, Optional, Sequence, Tuple

    from bkagent.config.option import Option

# Flags of every command that are not settings: they print its help page.
HELP = ("help", "h")


class Line:
    """A command line, split.

    flags      texts by flag name, in order; "help" is among them when the page is asked for
    arguments  the other words
    notes      sentences about what was probably not meant so
    """

    __slots__ = ("flags", "arguments", "notes")

    def __init__(self, flags: "Dict[str, List[str]]", arguments: "List[str]", notes: "List[str]") -> None:
        self.flags = flags
        self.arguments = arguments
        self.notes = notes


def split(words: "Sequence[str]", options: "Sequence[Option]") -> Line:
    """Return the parts of a command line. Raises UsageError for an unknown flag or a missing value."""
    known: "Dict[str, Optional[Option]]" = {option.name: option for option in options}
    known.update(dict.fromkeys(HELP))
    line = Line({}, [], [])
    moved, rest = _move_flags_first(words, known)
    ordered = moved + rest
    at = 0
    while at < len(ordered):
        word = ordered[at]
        if len(word) < 2 or word[0] != "-":
            break
        at += 1
        if word == "--":
            line.arguments = ordered[at:]
            return line
        used = _read_flag(word, ordered[at : at + 1], known, line.flags)
        if used and at == len(moved):
            line.notes.append(f'the last flag, {word}, has no value of its own and took "{ordered[at]}" as its value')
        at += used
    line.arguments = ordered[at:]
    line.notes += _doubtful_arguments(line.arguments, known)
    return line


def _move_flags_first(words: "Sequence[str]", known: "Dict[str, Optional[Option]]") -> "Tuple[List[str], List[str]]":
    """Return (flags with the words that go along, the other words)."""
    moved: "List[str]" = []
    rest: "List[str]" = []
    is_open = False
    for at, word in enumerate(words):
        if _is_known_flag(word, known):
            moved.append(word)
            is_open = "=" not in word
        elif is_open:
            moved.append(word)
            is_open = False
        elif word == "--":
            rest = [word, *rest, *words[at + 1 :]]
            break
        else:
            rest.append(word)
    return moved, rest


def _is_known_flag(word: str, known: "Dict[str, Optional[Option]]") -> bool:
    return word[:1] == "-" and word.lstrip("-").partition("=")[0] in known


def _read_flag(
    word: str, behind: "List[str]", known: "Dict[str, Optional[Option]]", flags: "Dict[str, List[str]]"
) -> int:
    """Put one flag into `flags`; return how many of the words behind it belong to it."""
    dashes = 2 if word[:2] == "--" else 1
    name, equals, text = word[dashes:].partition("=")
    if not name or name[0] == "-":
        raise UsageError(f'"{word}" is not a flag: a flag is one or two dashes and a name')
    if name not in known:
        raise UsageError(unknown_flag(word[:dashes] + name, list(known)))
    option = known[name]
    used = 0
    if option is None:
        if not equals or text in ("1", "t", "T", "TRUE", "true", "True"):
            flags[HELP[0]] = ["true"]
        return 0
    if not equals:
        if not option.kind.takes_value:
            text = "true"
        elif behind:
            text, used = behind[0], 1
        else:
            raise UsageError(f"flag needs a value: --{name}")
    flags.setdefault(name, []).append(text)
    return used


def _doubtful_arguments(arguments: "List[str]", known: "Dict[str, Optional[Option]]") -> "List[str]":
    """Return a sentence for each argument that looks like a flag."""
    notes = []
    for at, word in enumerate(arguments):
        if word == "--":
            break
        if _is_known_flag(word, known):
            notes.append(f'"{word}" is taken as an argument, since "{arguments[0]}" before it ended the flags')
        elif word[:1] == "-" and word.lstrip("-")[:1].isalpha() and at:
            notes.append(f'"{word}" is taken as an argument: ' + unknown_flag(word.partition("=")[0], list(known)))
    return notes


def unknown_flag(flag: str, known: "List[str]") -> str:
    """Return the sentence for a flag that does not exist, with what it may have been meant to be."""
    if not flag.lstrip("-")[:1].isalpha():
        return f'unknown flag {flag}; write "--" before an argument that starts with a dash'
    from bkagent.config.suggest import closest

    near = closest(flag.lstrip("-"), known)
    return f"unknown flag {flag}" + (f"; did you mean --{near}?" if near else "")
