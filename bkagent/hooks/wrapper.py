"""The script that runs a shell hook and dumps the environment around it.

The hook is sourced, so that it may change the environment, the working directory and the shell itself; it lives in
the wrapper's shell, whose first line is its own. A hook that ends the shell by `exit` is never followed by the second
dump: with status 0 its changes are lost, as in the reference.
"""

import os
from shlex import quote

from bkagent.hooks import dump_command, wrapper_windows
from bkagent.named_tuple import NamedTuple
from bkagent.system import unguessable
from bkagent.system.system_kind import ON_WINDOWS

# With its shell the terminal goes, and takes what has not left it yet: `setsid daemon &` as a hook's last line needs a
# moment for that, which it has where dumping the environment takes its time.
_HEAD_START = '[ "$!" -gt 0 ] && kill -0 "$!" && sleep 0.05 || :'


class Files(NamedTuple):
    """The files of one wrapped hook, in a folder of their own."""

    script: str
    before: str
    after: str


def create(folder: str, hook_path: str, shebang: str, dumper: str = "") -> Files:
    """Write the wrapper of a hook and its two empty dumps into `folder`, which is ours alone.

    `dumper` is a program whose `env dump` makes the dumps of a Bourne shell, as JSON; "" for our own form.
    """
    extension = os.path.splitext(hook_path)[1].lower()
    if extension != ".ps1" and not (ON_WINDOWS and extension in (".bat", ".cmd")):
        extension = ""
    tag = str(unguessable.below(10**9))
    script, before, after = (
        os.path.join(folder, name + tag) for name in ("hook-script-wrapper", "hook-before-env", "hook-after-env")
    )
    files = Files(script + extension, before, after)
    for path in (files.before, files.after):
        with open(path, "xb"):
            pass
    if extension == ".ps1":
        text = wrapper_windows.powershell(hook_path, files.before, files.after)
    elif extension:
        text = wrapper_windows.batch(hook_path, files.before, files.after)
    else:
        text = _posix(hook_path, shebang, files, dumper)
    with open(files.script, "xb") as file:
        file.write(os.fsencode(text))
    os.chmod(files.script, 0o700)
    return files


def _posix(hook_path: str, shebang: str, files: Files, dumper: str) -> str:
    """Return the wrapper for every shell of the Bourne family.

    `>|` writes the dumps even where the hook turned noclobber on. What follows the hook is not traced when the hook
    left tracing on. PWD may be unset. A dump that fails ends the wrapper, so that changes are never dropped silently.
    """
    dump = f"{quote(dumper)} env dump" if dumper else dump_command.for_posix_shell()
    before, after, hook = (quote(_forward(path)) for path in (files.before, files.after, hook_path))
    return f"""{shebang or "#!/bin/sh"}
{dump} >| {before} || exit
. {hook}
{{ export BUILDKITE_HOOK_EXIT_STATUS="$?"; set +xvu; {_HEAD_START}; }} 2>/dev/null
export BUILDKITE_HOOK_WORKING_DIR="${{PWD-}}"
{dump} >| {after} || exit
exit "$BUILDKITE_HOOK_EXIT_STATUS"
"""


def _forward(path: str) -> str:
    # Git Bash on Windows takes C:/folder/file, and reads a backslash as an escape.
    return path.replace("\\", "/") if ON_WINDOWS else path
