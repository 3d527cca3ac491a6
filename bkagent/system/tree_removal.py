"""Remove a folder that a job has filled: everything below it, and nothing that a link in it points to."""

import os
import shutil
import stat
import sys


def remove_tree(folder: str) -> None:
    """Remove a folder and all below it; of a link, the link. Folders without write permission are no obstacle.

    Raises OSError: for a missing permission, a file in use, a mount point, the root of a file system.
    """
    folder = os.path.abspath(folder)
    if os.path.dirname(folder) == folder:
        raise OSError(f"{folder} is the root of a file system")
    try:
        mode = os.lstat(folder).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        os.unlink(folder)
        return

    def overcome(error: BaseException, path: str) -> None:
        """Give the owner back the permissions that module caches take away, and remove what is left of `path`."""
        if isinstance(error, FileNotFoundError):
            return
        if not isinstance(error, PermissionError):
            raise error
        above = os.path.dirname(path)
        if path != folder and stat.S_ISDIR(os.lstat(above).st_mode):
            os.chmod(above, stat.S_IRWXU)
        if stat.S_ISDIR(os.lstat(path).st_mode):
            os.chmod(path, stat.S_IRWXU)
            # Of the folder itself only what is above it can be in the way, which is not ours to change.
            (shutil.rmtree if path == folder else remove_tree)(path)
        else:
            _unlink(path)

    # shutil walks by file descriptors where it can, so that a link put in a folder's place is not followed.
    if sys.version_info >= (3, 12):
        shutil.rmtree(folder, onexc=lambda _function, path, error: overcome(error, path))
    else:
        shutil.rmtree(folder, onerror=lambda _function, path, problem: overcome(problem[1], path))


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except PermissionError:
        # Windows refuses to remove a file that is marked read-only, as git's object files are.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        os.unlink(path)
