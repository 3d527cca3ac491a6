"""The console of this process, where the system has them.

use_utf8() -> None   let the programs of this console read and write UTF-8, which job logs are in. On Windows they take
                     the system's old code page otherwise; elsewhere the locale says it
takes_escapes(descriptor: int) -> bool
                     say whether the terminal that is written to by this descriptor follows escape sequences; on Windows
                     it is made to first
"""

import sys

if sys.platform == "win32":
    from bkagent.system._console_windows import takes_escapes, use_utf8
else:
    from bkagent.system._console_posix import takes_escapes, use_utf8

__all__ = ["takes_escapes", "use_utf8"]
