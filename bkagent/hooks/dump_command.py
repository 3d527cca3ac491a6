"""The commands by which a hook's shell dumps what it exports: exact for every value, and quick to start.

A child's own environment is what the shell exports. Linux shows it as a file, so `cat` is enough; elsewhere `env -0`
prints it; where `env` has no -0, the Python that runs us does, started so that no variable steers it.
"""

import os
import sys
from shlex import quote
from typing import List

from bkagent.system.hook_files import ENVIRONMENT_FILE
from bkagent.system.system_kind import ON_WINDOWS

_CODE = (
    "import os, sys; w = sys.stdout.buffer.write; "
    "[w(os.fsencode(k) + b'=' + os.fsencode(v) + bytes(1)) for k, v in os.environ.items()]"
)
# Not looked for on the PATH, which is the job's: it may lead to another `cat`, or to none.
_FOLDERS = ("/bin", "/usr/bin", "/run/current-system/sw/bin")


def by_python() -> List[str]:
    """Return the argv of a Python that prints `NAME=value`, each ended by NUL."""
    return [sys.executable, "-I", "-S", "-c", _CODE]


def for_posix_shell() -> str:
    """Return the words for a Bourne shell that print `NAME=value`, each ended by NUL, without a redirection."""
    cat = _program("cat")
    if ENVIRONMENT_FILE and cat:
        return f"{quote(cat)} {quote(ENVIRONMENT_FILE)}"
    python = " ".join(quote(word.replace("\\", "/") if ON_WINDOWS else word) for word in by_python())
    env = _program("env")
    return f"{{ {quote(env)} -0 2>/dev/null || {python}; }}" if env else python


def _program(name: str) -> str:
    paths = (os.path.join(folder, name) for folder in _FOLDERS)
    return next((path for path in paths if os.access(path, os.X_OK)), "")
