"""The system's tables of content types by file name. Source: Go's mime package.

GLOBS                             tables of the shared MIME-info database; the first that is there counts
TABLES                            tables in the form of mime.types, in the order in which they are read
registered_type(extension) -> str what the registry says of an extension without its dot, "" for nothing
"""

import sys

if sys.platform == "win32":
    from bkagent.system._mime_tables_windows import GLOBS, TABLES, registered_type
else:
    from bkagent.system._mime_tables_posix import GLOBS, TABLES, registered_type

__all__ = ["GLOBS", "TABLES", "registered_type"]
