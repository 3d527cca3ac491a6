"""How this program starts itself again, and the launchers that jobs find on their PATH.

Job variables come from outside, so nothing of them may change which code runs: children start with -I -S
(no PYTHON* variable, no site folder, no working directory on the path) and are told where the code is.
"""

import os
import sys

from bkagent.config.launching import carried_code
from bkagent.errors import ConfigError
from bkagent.system import python_search, started_with, trusted_path
from bkagent.system.system_kind import ON_WINDOWS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import List, Sequence

# argv is [-c, ROOT, words...]; ROOT is the folder that holds the package.
_CODE = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bkagent.cli.main import run; run()"
# Before that, where the code lies below a sticky folder: what was not used for long is removed from those, and then
# another user can take its name.
_CHECK = (
    "import os, sys; all(os.lstat(path).st_uid in (0, owner) for path, owner in {footholds!r}) or "
    "sys.exit('bkagent: ' + sys.argv[1] + ' was replaced by another user; nothing of it was run'); "
)

# argv is [-c, ROOT, PROGRAM, words...]: the same for those who look for files beside the program, or say its name.
_CODE_OF_PROGRAM = _CODE.replace("run()", "run(sys.argv.pop(1))")

# Not what goes on for as long as an agent or a job does, nor what people call outside of jobs.
SERVED = (
    "annotate", "annotation", "artifact", "build", "env", "git-credentials-helper", "job", "lock", "meta-data", "oidc",
    "pause", "pipeline", "redactor", "resume", "secret", "step", "stop", "workdir",
)  # fmt: skip
CALLS = "calls"  # beside the launchers: where they ask a warm process to run what is served

# Where the code or Python is not at its place, the launcher runs the code that it carries: in a container, say.
_POSIX = """#!/bin/sh
{ask}{started_with}if [ -x {python} ] && [ -e {root} ]; then
  exec {python} -I -S -c {code} {root} "$0" "$@"
fi
{elsewhere}exit 127
"""
_ELSEWHERE = """{find_python}echo "${{0##*/}} needs Python 3.8 or newer with zlib, which is not on PATH here. \
In a container without it a static buildkite-agent can be mounted: start the agent with --container-binary=PATH" >&2
"""
_OF_A_CHECKOUT = """echo "${0##*/} runs code that is not in this container, as its agent was started from a checkout: \
start the agent from bkagent.pyz, whose commands carry their code, or with --container-binary=PATH" >&2
"""
_CARRIED = f"""exec "$__bk_python" -I -S -c '{_CODE_OF_PROGRAM}' "$0" "$0" "$@\""""
NAMES = ("buildkite-agent", "bkagent")
_ENDING = ".exe" if ON_WINDOWS else ""


def code_root() -> str:
    """Return the folder that holds the running package: the checkout, or the unpacked archive."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))


def program_folders() -> "List[str]":
    """Return the folders where files beside the program are looked for: that of the archive, and of the code."""
    program = sys.argv[0] if sys.argv else ""
    beside = [os.path.dirname(os.path.abspath(program))] if os.path.isfile(program) else []
    return [*beside, code_root()]


def command(arguments: "Sequence[str]") -> "List[str]":
    """Return the argv that runs this very code again with `arguments`, whatever the environment says."""
    return [sys.executable, "-I", "-S", "-c", _code_with_owner_check(_CODE), code_root(), *arguments]


def _code_with_owner_check(code: str) -> str:
    """Return what runs the code where it is, if that is still what was found there."""
    try:
        footholds = trusted_path.follow(code_root()).footholds
    except (ConfigError, OSError):
        return code  # a checkout in a folder of several users, say
    return _CHECK.format(footholds=footholds) + code if footholds else code


def command_of(program: str, arguments: "Sequence[str]") -> "List[str]":
    """Return the same argv for a process that takes itself to be `program`, the archive that was started."""
    program = program if os.path.isfile(program) else ""
    return [sys.executable, "-I", "-S", "-c", _CODE_OF_PROGRAM, code_root(), program, *arguments]


def launcher_path(folder: str) -> str:
    """Return the path of `buildkite-agent` in a folder of launchers, for those who start it by its path."""
    return os.path.join(folder, NAMES[0] + _ENDING)


def launcher_folder(state_path: str) -> str:
    """Return a folder that holds only the launchers; made on first use, then left as it is.

    It is named after what the launchers hold, so that a running job keeps its own after an upgrade. Raises ConfigError
    and OSError.
    """
    files = _launchers()
    folder = os.path.join(state_path, "bin", _digest(files))
    if not all(os.path.exists(os.path.join(folder, name)) for name in files):
        _make(folder, files)
    return folder


def is_packed() -> bool:
    """Return whether the code runs out of an archive or a launcher, which can run the commands of jobs alone."""
    return os.path.isfile(code_root())


def other_program_hint() -> str:
    """Return what else helps where Python lacks modules: in a container, which has the launcher alone; else ""."""
    if not is_packed():
        return ""
    return ", or mount a static buildkite-agent: start the agent with --container-binary=PATH"


def _launchers() -> "dict[str, bytes]":
    """Return the content of each file, but for the code that those of POSIX carry."""
    if ON_WINDOWS:
        from bkagent.config.launching import windows_launcher

        return windows_launcher.files(NAMES, sys.executable, code_root())
    code = _shell_quote(_code_with_owner_check(_CODE_OF_PROGRAM))
    script = _POSIX.format(
        ask=_warm_call_lines(),
        started_with=started_with.SCRIPT,
        python=_shell_quote(sys.executable),
        code=code,
        root=_shell_quote(code_root()),
        elsewhere=_lines_for_elsewhere(),
    )
    return dict.fromkeys(NAMES, script.encode("utf-8", "surrogateescape"))


def _lines_for_elsewhere() -> str:
    if not carried_code.packed(code_root()):
        return _OF_A_CHECKOUT
    return _ELSEWHERE.format(find_python=python_search.script(_CARRIED))


def _warm_call_lines() -> str:
    """Return the lines by which a launcher asks a warm process first, where there can be one."""
    from bkagent.system.stand_in import stand_in, stand_in_script

    if not stand_in.AVAILABLE:
        return ""
    ask = stand_in_script.script(f'"${{0%/*}}/{CALLS}"')
    return f"case ${{1-}} in {'|'.join(SERVED)})\n{ask};; esac\n"


def _shell_quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _digest(files: "dict[str, bytes]") -> str:
    from bkagent.system import small_digests

    return small_digests.sha256_hex(b"".join(sorted(files.values())))[:16]


def _make(folder: str, files: "dict[str, bytes]") -> None:
    from bkagent.system import private_folder, renaming

    if ON_WINDOWS:
        from bkagent.config.launching import windows_launcher

        windows_launcher.check_folder(folder, NAMES)
    os.makedirs(folder, mode=private_folder.INNER_MODE, exist_ok=True)
    written: "dict[bytes, str]" = {}  # paths by content
    for name, content in files.items():
        aside = os.path.join(folder, f".{name}.{os.getpid()}")
        if content not in written or not _link(written[content], aside):
            _write(aside, content)
        renaming.replace(aside, os.path.join(folder, name))
        written[content] = os.path.join(folder, name)


def _write(path: str, content: bytes) -> None:
    with open(path, "wb") as file:
        file.write(content)
    archive = "" if ON_WINDOWS else carried_code.packed(code_root())
    if archive:
        carried_code.append(path, archive)
    os.chmod(path, 0o755)


def _link(path: str, aside: str) -> bool:
    """Make `aside` the same file as `path`; return whether the filesystem can."""
    try:
        os.link(path, aside)
        return True
    except OSError:
        return False
