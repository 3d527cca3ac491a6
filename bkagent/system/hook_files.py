"""The names of hook files, and the shell that runs them.

EXTENSIONS                 extensions of hook files, the first found wins
ENVIRONMENT_FILE           a file that shows a process its own environment, or "" where the system has no such file
temporary_folder(environ)  the folder for temporary files that the variables name, or the system's own
"""

import sys

if sys.platform == "win32":
    from bkagent.system._hook_files_windows import ENVIRONMENT_FILE, EXTENSIONS, temporary_folder
else:
    from bkagent.system._hook_files_posix import ENVIRONMENT_FILE, EXTENSIONS, temporary_folder

__all__ = ["ENVIRONMENT_FILE", "EXTENSIONS", "temporary_folder"]
