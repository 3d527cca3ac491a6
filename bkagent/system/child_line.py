"""A line to a process that this one starts: text comes from there, and each end sees that the other is gone.

ParentEnd()                        raises OSError
    .child_in, .child_out          descriptors, for the child's standard input and standard error
    .close_childs() -> None        close these: the child has them, or could not be started
    .receive() -> bytes            what the child has sent; b"" once it is gone. Raises OSError
    .hang_up() -> None             have the child see the end; from any thread, until `close`
    .close() -> None               close it; on the thread that receives
ChildEnd()                         the line of this process to the one that started it
    .send(text) -> None            what a parent that is stopped or gone does not take is lost: nothing waits for long
    .wait() -> None                return when the parent is gone, or has hung up
"""

import sys

if sys.platform == "win32":
    from bkagent.system._child_line_windows import ChildEnd, ParentEnd
else:
    from bkagent.system._child_line_posix import ChildEnd, ParentEnd

__all__ = ["ChildEnd", "ParentEnd"]
