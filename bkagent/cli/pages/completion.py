"""Scripts that complete command lines in a shell, made from the command and option tables.

They hold everything, so that completing starts no process.
"""

from bkagent.cli import table

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Callable, Dict, List

    from bkagent.cli.command import Command

_PATH_KINDS = ("path", "command path")


def commands() -> "List[Command]":
    """Return every command that is shown, loaded, by name."""
    return [table.load(name) for name in sorted(table.COMMANDS) if name != "help" and name not in table.HIDDEN]


class _ShownFlag:
    """A flag as a shell needs to know it: `words` are its legal values, None where any text is one."""

    __slots__ = ("name", "help", "takes_value", "takes_path", "words")

    def __init__(self, name: str, help: str, takes_value: bool, takes_path: bool, words: "List[str]") -> None:
        self.name = name
        self.help = help
        self.takes_value = takes_value
        self.takes_path = takes_path
        self.words = words


def _flags(command: "Command") -> "List[_ShownFlag]":
    flags = [
        _ShownFlag(
            option.name, option.help, option.kind.takes_value, option.kind.name in _PATH_KINDS,
            [word for word in getattr(option.kind, "words", ()) if word],
        )
        for option in command.options
        if not option.hidden and not option.replaced_by
    ]  # fmt: skip
    return [*flags, _ShownFlag("help", "Describe the command.", False, False, [])]


def _words_after(commands: "List[Command]") -> "Dict[str, List[str]]":
    """Return the words that may stand first, under "", and behind each group, which may be of two words."""
    after: "Dict[str, List[str]]" = {"": ["help"]}
    for command in commands:
        words = command.name.split(" ")
        for at, word in enumerate(words):
            members = after.setdefault(" ".join(words[:at]), [])
            if word not in members:
                members.append(word)
    return after


def bash(commands: "List[Command]") -> str:
    """Return the script for bash."""
    words = _words_after(commands)
    pairs = "|".join(f'"{command.name}"' for command in commands if command.name.count(" ") == 1)
    triples = "|".join(f'"{command.name}"' for command in commands if command.name.count(" ") == 2)
    lines = [
        "# bash completion for bkagent",
        "_bkagent() {",
        '    local current="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" words=""',
        '    local first="${COMP_WORDS[1]}" second="${COMP_WORDS[2]}" third="${COMP_WORDS[3]}"',
        '    local name="" start=2',
        "    COMPREPLY=()",
        '    if [ "$COMP_CWORD" = 1 ] || { [ "$COMP_CWORD" = 2 ] && [ "$first" = help ]; }; then',
        f'        COMPREPLY=($(compgen -W "{" ".join(words[""])}" -- "$current"))',
        "        return",
        "    fi",
        '    case "$first" in',
        "        help|h) first=$second second=${COMP_WORDS[3]} third=${COMP_WORDS[4]} start=3 ;;",
        "    esac",
        '    if [ "${current#-}" = "$current" ]; then',
        '        case "$(( COMP_CWORD - start )) $first $second" in',
        *(_bash_members(group, members) for group, members in words.items() if group),
        "        esac",
        '        if [ -n "$words" ]; then',
        '            COMPREPLY=($(compgen -W "$words" -- "$current"))',
        "            return",
        "        fi",
        "    fi",
        '    case "$first $second" in',
        f'        {pairs}) name="$first $second" ;;',
        '        *) name="$first" ;;',
        "    esac",
        '    case "$first $second $third" in',
        f'        {triples}) name="$first $second $third" ;;',
        "    esac",
        '    case "$name $before" in',
    ]
    for command in commands:
        for flag in _flags(command):
            if flag.words:
                lines += [f'        "{command.name} --{flag.name}") words="{" ".join(flag.words)}" ;;']
            elif flag.takes_value:
                lines += [f'        "{command.name} --{flag.name}") COMPREPLY=($(compgen -f -- "$current")); return ;;']
    lines += ["    esac", '    if [ -z "$words" ] && [ "${current#-}" != "$current" ]; then', '        case "$name" in']
    for command in commands:
        names = " ".join("--" + flag.name for flag in _flags(command))
        lines += [f'            "{command.name}") words="{names}" ;;']
    lines += ["        esac", "    fi", '    if [ -n "$words" ]; then']
    lines += ['        COMPREPLY=($(compgen -W "$words" -- "$current"))', "    else"]
    lines += ['        COMPREPLY=($(compgen -f -- "$current"))', "    fi", "}"]
    return "\n".join([*lines, "complete -o filenames -F _bkagent bkagent", ""])


def _bash_members(group: str, members: "List[str]") -> str:
    """Return the case in which the words of a group are offered: at its place, behind its words."""
    place = f'"1 {group}"' if " " in group else f'"0 {group} "*'
    return f'            {place}) words="{" ".join(members)}" ;;'


def zsh(commands: "List[Command]") -> str:
    """Return the script for zsh. It may be sourced, or stand in a folder of `fpath` as `_bkagent`."""
    words = _words_after(commands)
    lines = ["#compdef bkagent", "_bkagent() {", "    local name=$words[2] at=3", "    if (( CURRENT == 2 )); then"]
    lines += ["        local -a first=(", *(f"            {_zsh_row(word)}" for word in sorted(words[""])), "        )"]
    lines += ["        _describe command first", "        return", "    fi"]
    for at in (3, 4):
        lines += ["    case $name in"]
        for group, members in words.items():
            if group and group.count(" ") == at - 3:
                lines += _zsh_members(group, members, at)
        lines += ["    esac"]
    lines += ["    shift $(( at - 2 )) words", "    (( CURRENT -= at - 2 ))", "    case $name in"]
    for command in commands:
        specs = [_zsh_flag(flag) for flag in _flags(command)]
        lines += [f"        {_quoted(command.name)}) _arguments {' '.join(specs)} '*:file:_files' ;;"]
    return "\n".join([*lines, "        *) _files ;;", "    esac", "}", "compdef _bkagent bkagent", ""])


def _zsh_members(group: str, members: "List[str]", at: int) -> "List[str]":
    """Return the case in which the words of a group are offered, `at` being their place on the line."""
    lines = [f"        {_quoted(group)})", f"            if (( CURRENT == {at} )) && [[ $words[{at}] != -* ]]; then"]
    lines += ["                local -a members=("]
    lines += [f"                    {_zsh_row(f'{group} {member}', member)}" for member in members]
    lines += ["                )", "                _describe command members", "                return"]
    named = "|".join(members)
    lines += [
        "            fi",
        f'            [[ $words[{at}] == ({named}) ]] && name="$name $words[{at}]" at={at + 1} ;;',
    ]
    return lines


def _zsh_row(name: str, word: str = "") -> str:
    summary = table.COMMANDS.get(name) or table.GROUPS.get(name, "")
    return _quoted(f"{word or name}:{summary}")


def _zsh_flag(flag: _ShownFlag) -> str:
    text = flag.help.replace("\\", "\\\\").replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    spec = f"*--{flag.name}[{text}]"
    if flag.words:
        spec += f":value:({' '.join(flag.words)})"
    elif flag.takes_value:
        spec += ":path:_files" if flag.takes_path else ":value:"
    return _quoted(spec)


def fish(commands: "List[Command]") -> str:
    """Return the script for fish."""
    words = _words_after(commands)
    lines = ["# fish completion for bkagent"]
    for word in sorted(words[""]):
        summary = table.COMMANDS.get(word) or table.GROUPS.get(word, "")
        lines += [f"complete -c bkagent -f -n __fish_use_subcommand -a {word} -d {_quoted(summary)}"]
    for group, members in words.items():
        if group:
            seen = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in group.split(" "))
            seen += f"; and not __fish_seen_subcommand_from {' '.join(members)}"
            for member in members:
                name = f"{group} {member}"
                summary = table.COMMANDS.get(name) or table.GROUPS[name]
                lines += [f"complete -c bkagent -f -n {_quoted(seen)} -a {member} -d {_quoted(summary)}"]
    for command in commands:
        condition = "; and ".join(f"__fish_seen_subcommand_from {word}" for word in command.name.split(" "))
        if command.name in words:  # a group as well
            condition += f"; and not __fish_seen_subcommand_from {' '.join(words[command.name])}"
        for flag in _flags(command):
            line = f"complete -c bkagent -n {_quoted(condition)} -l {flag.name} -d {_quoted(flag.help)}"
            if flag.words:
                line += f" -x -a {_quoted(' '.join(flag.words))}"
            elif flag.takes_value:
                line += " -r -F" if flag.takes_path else " -x"
            lines += [line]
    return "\n".join([*lines, ""])


def _quoted(text: str) -> str:
    """Return a text in single quotes, as all three shells read it."""
    return "'" + text.replace("'", "'\\''") + "'"


SCRIPTS: "Dict[str, Callable[[List[Command]], str]]" = {"bash": bash, "zsh": zsh, "fish": fish}
