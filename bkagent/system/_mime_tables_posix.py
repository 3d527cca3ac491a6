"""Tables of content types, on systems that keep them in files."""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Tuple

GLOBS: "Tuple[str, ...]" = ("/usr/local/share/mime/globs2", "/usr/share/mime/globs2")
TABLES: "Tuple[str, ...]" = (
    "/etc/mime.types",
    "/etc/apache2/mime.types",
    "/etc/apache/mime.types",
    "/etc/httpd/conf/mime.types",
)
if sys.platform.startswith(("freebsd", "dragonfly")):
    TABLES += ("/usr/local/etc/mime.types",)
elif sys.platform.startswith("openbsd"):
    TABLES += ("/usr/share/misc/mime.types",)


def registered_type(extension: str) -> str:
    """Return nothing: there is no registry."""
    return ""
