"""Report all problems of a configuration file, by line."""

from bkagent.config.settings import invalid_value
from bkagent.config.sources import file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Dict, Iterable, List, Tuple

    from bkagent.config.option import Option

    Problem = Tuple[int, str]


def problems(path: str, options: "Iterable[Option]") -> "Tuple[int, List[Problem]]":
    """Return (how many settings the file has, its problems as (line number, sentence), by line).

    Raises ConfigError for a file that cannot be read.
    """
    known = {option.name: option for option in options if option.in_file}
    lines: "Dict[str, int]" = {}
    problems_by_line: "List[Problem]" = []
    for number, key, text in file.lines(path):
        if key is None:
            problems_by_line.append((number, file.no_separator(text)))
            continue
        if key in lines:
            problems_by_line.append((lines[key], f"{key} is set again in line {number}, which takes precedence"))
        lines[key] = number
        if key not in known:
            problems_by_line.append((number, _unknown_key(key, list(known))))
        else:
            problems_by_line += [(number, sentence) for sentence in _value_problems(known[key], text)]
    for option in known.values():
        if option.replaced_by and option.name in lines and option.replaced_by in lines:
            sentence = f"{option.name} and {option.replaced_by} are the same; set only the latter"
            problems_by_line.append((lines[option.name], sentence))
    return len(lines), sorted(problems_by_line)


def _unknown_key(key: str, known: "List[str]") -> str:
    if key in file.PASSED_OVER:
        return f"{key} has no effect in the configuration file"
    return file.unknown_key(key, known)


def _value_problems(option: "Option", text: str) -> "List[str]":
    """Return what is wrong with the value of a known key."""
    sentences = []
    try:
        option.kind.from_file(text)
    except ValueError as wrong:
        sentences.append(invalid_value(option.name, str(wrong), None if option.secret else text))
    if option.replaced_by:
        sentences.append(f"{option.name} was renamed to {option.replaced_by}")
    if "\n" in text:
        sentences.append(f"{option.name}: \\n between quotes is a line break; remove the quotes to keep the backslash")
    if text.count('"') % 2 or (text.count("'") % 2 and not option.secret):
        sentences.append(f"{option.name}: an unmatched quote becomes part of the value")
    if option.required and not text:
        sentences.append(f"{option.name} must not be empty")
    return sentences
