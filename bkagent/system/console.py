"""The console of this process, where the system has them.

use_utf8() -> None   let the programs of this console read and write UTF-8, which job logs are in. On Windows they take
                     the system's old code page otherwise; elsewhere the locale says it
"""

import sys

if sys.platform == "win32":
    from bkagent.system._console_windows import use_utf8
else:
    from bkagent.system._console_posix import use_utf8

__all__ = ["use_utf8"]
