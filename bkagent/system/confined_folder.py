"""Write files below a folder into which others may put links: a link below it is never followed.

ConfinedFolder(path)          the folder, opened once; links in `path` itself and at its end are followed. OSError
  .new_file(parts) -> NewFile   a file aside of where `parts` lead below the folder; folders are made as needed.
                                LinkInTheWay, OSError
  .write_file(parts, content)   a small file, whole or not at all. The folder that it lies in may be held open until
                                `close`, for the next one. LinkInTheWay, OSError
  .kept_file(parts, aside) -> NewFile or None
                                the same, but called `aside` until then, with what an earlier process has left of it:
                                a regular file of this user with that name alone. It is locked:
                                None while another process has it, or if there is something else. LinkInTheWay
  .read_file(parts) -> FileIO   a regular file to read; no folder is made. LinkInTheWay, OSError
  .tells_case_apart() -> bool   whether names in it that differ by case alone are two files. OSError
  .link_file(source, parts)     the same file under another name, as a hard link. LinkInTheWay, OSError
  .close()
NewFile                       a context manager: what was neither put nor kept is removed
  .file                         a FileIO to write to and read from
  .keep()                       leave it where it is, for another `kept_file`
  .put()                        give it its name; what bears that name, a link too, is replaced, never written to

No step is looked up by name twice: each folder is held open while it is in use, so that no link can be put in its place
meanwhile.
"""

import sys

if sys.platform == "win32":
    from bkagent.system._confined_folder_windows import ConfinedFolder, LinkInTheWay, NewFile
else:
    from bkagent.system._confined_folder_posix import ConfinedFolder, LinkInTheWay, NewFile

__all__ = ["ConfinedFolder", "LinkInTheWay", "NewFile"]
