"""Remove a folder that a job has filled: everything below it, and nothing that a link in it points to."""

import os
import stat
import sys
import time

from bkagent.system import windows_names
from bkagent.system.system_kind import ON_WINDOWS

# On Windows a file is in use for a moment when a virus scanner or an indexer looks at it: access is denied, sharing is
# violated, or the folder of a removed file is not empty yet. Others of these errors are final, and cost the time.
_PASSING = (5, 32, 145)
_JUNCTION = 0xA0000003  # IO_REPARSE_TAG_MOUNT_POINT
_VOLUME = "\\\\?\\Volume{"
_GONE = ".gone-"
_PATIENCE_S, _FIRST_PAUSE_S, _LONGEST_PAUSE_S = 5.0, 0.01, 0.2


def remove_tree(folder: str) -> None:
    """Remove a folder and all below it; of a link or a junction, that alone.

    Folders without write permission are no obstacle. Raises OSError: for a missing permission, a file in use, a mount
    point, the root of a file system.
    """
    folder = os.path.abspath(folder)
    if os.path.dirname(folder) == folder:
        raise OSError(f"{folder} is the root of a file system")
    folder = windows_names.of_any_length(folder) if ON_WINDOWS else folder
    try:
        status = os.lstat(folder)
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(status.st_mode):
        os.unlink(folder)
    elif getattr(status, "st_reparse_tag", 0) == _JUNCTION:
        if os.readlink(folder).startswith(_VOLUME):
            raise OSError(f"{folder} is a mount point")
        os.rmdir(folder)
    else:
        _remove_all(folder)
    if ON_WINDOWS:
        _remove_earlier(folder)


def _remove_all(folder: str) -> None:
    import shutil  # here: most jobs leave no folder to remove, and it loads all that makes archives

    deadline = time.monotonic() + _PATIENCE_S

    def overcome(error: BaseException, path: str) -> None:
        """Give the owner back the permissions that module caches take away, and remove what is left of `path`."""
        if isinstance(error, FileNotFoundError):
            return
        if isinstance(error, OSError) and _may_pass(error):
            _remove_held(path, folder, deadline)
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


def _remove_earlier(folder: str) -> None:
    """Remove what was moved out of the folder when it was removed before, and is in use no longer."""
    above, name = os.path.split(folder)
    for other in os.listdir(above):
        if other.startswith(name + _GONE):
            try:
                os.unlink(os.path.join(above, other))
            except OSError:
                pass


def _rmdir(path: str) -> None:
    try:
        os.rmdir(path)
    except PermissionError:
        os.chmod(path, stat.S_IRWXU)  # as for files: one that is marked read-only, as Go's module cache is
        os.rmdir(path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except PermissionError:
        # Windows refuses to remove a file that is marked read-only, as git's object files are.
        if not stat.S_ISREG(os.lstat(path).st_mode):
            raise
        os.chmod(path, stat.S_IRUSR | stat.S_IWUSR)
        os.unlink(path)


def remove_soon(path: str) -> None:
    """Remove a file that is of no more use, as soon as it is not in use; what cannot be removed is left there."""
    try:
        _remove_when_free(path, time.monotonic() + _PATIENCE_S)
    except OSError:
        pass


def _may_pass(error: OSError) -> bool:
    return getattr(error, "winerror", None) in _PASSING


def _remove_held(path: str, folder: str, deadline: float) -> None:
    """Remove a file or an empty folder that is in use; what stays in use is moved out of `folder`. Raises OSError."""
    try:
        _remove_when_free(path, deadline)
    except OSError as error:
        if not _may_pass(error) or path == folder or os.path.isdir(path):
            raise
        # One that is open for others to delete can be renamed, and goes when it is closed.
        aside = f"{folder}{_GONE}{os.urandom(4).hex()}"
        os.rename(path, aside)
        try:
            os.unlink(aside)
        except OSError:
            pass


def _remove_when_free(path: str, deadline: float) -> None:
    pause_s = _FIRST_PAUSE_S
    while True:
        try:
            if stat.S_ISDIR(os.lstat(path).st_mode):
                _rmdir(path)
            else:
                _unlink(path)
            return
        except FileNotFoundError:
            return
        except OSError as error:
            if not _may_pass(error) or time.monotonic() >= deadline:
                raise
        time.sleep(pause_s)
        pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
