"""Whether this is Windows, for code that differs there by a word. Where more differs there is a pair of files.

ON_WINDOWS   whether paths, names and shells are those of Windows

On the short path.
"""

import sys

ON_WINDOWS = sys.platform == "win32"
