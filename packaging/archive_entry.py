"""The entry of the archive: unpack the code once per content, then run it from there.

Runs before anything of bkagent is importable and on whatever Python there is, so it uses little of the
standard library and nothing newer than Python 3.6's syntax.
"""

import os
import sys

HASH = "@HASH@"
_PACKAGE = "bkagent/"
_MARK = "python"  # written last: names the interpreter that the code was compiled for
# A quarter of the code, which most machines never run; Python compiles it where it is used.
_SELDOM = ("controlplane", "localrun", "markdown")


def run():
    """Run the command line of the code that this archive holds."""
    try:
        _run()
    except KeyboardInterrupt:  # while it is unpacked, say; the command line has its own way
        sys.exit(130)


def _run():
    if sys.version_info < (3, 8):
        sys.exit("bkagent needs Python 3.8 or newer; this is " + sys.version.split()[0])
    archive = sys.argv.pop(1) if sys.argv[0] == "-c" else os.path.dirname(os.path.abspath(__file__))
    archive = os.path.abspath(archive)
    try:
        root = _unpacked(archive)
    except ImportError as error:
        sys.exit(_incomplete(error))
    except OSError:
        root = archive  # nowhere to unpack to: slower, but it works
    sys.path[:] = [root] + [path for path in sys.path if os.path.abspath(path) != archive]
    try:
        from bkagent.cli.main import run as run_command_line
    except ImportError as error:
        sys.exit(_incomplete(error))
    run_command_line(archive)


def install(archive):
    """Unpack the code beside the archive's folder, for every user of this machine. Raises OSError.

    Jobs of other users cannot write there, so that no job can change what the agent runs.
    """
    folder = _folders(os.path.abspath(archive))[0]
    if not os.path.exists(os.path.join(folder, _MARK)):
        _unpack(archive, folder, mode=0o755)


def _incomplete(error):
    return (
        "bkagent: this Python (%s) lacks a part of its standard library: %s. "
        "On Debian and Ubuntu install the package python3 in place of python3-minimal" % (sys.executable, error)
    )


def _unpacked(archive):
    """Return the folder that holds the code, unpacking it first where that has not been done."""
    for folder in _folders(archive):
        if _is_ours(folder) and os.path.exists(os.path.join(folder, _MARK)):
            return folder
    _hide_secrets()
    for folder in _folders(archive)[1:]:
        try:
            _unpack(archive, folder)
        except OSError:
            continue
        return folder
    raise OSError("no folder to unpack to")


def _hide_secrets():
    """Take secrets off the command line that others see, before the second that unpacking takes."""
    from bkagent.cli import main, secret_flags

    secret_flags.forget(main.SECRET_FLAGS)
    for name in [name for name in sys.modules if name.split(".")[0] == "bkagent"]:
        del sys.modules[name]  # they are those of the archive; the unpacked ones come next


def _folders(archive):
    """Return the places of the code: the system's (made by the installer), the user's, a temporary one."""
    places = [os.path.join(os.path.dirname(archive), os.pardir, "lib", "bkagent")]
    home = os.environ.get("HOME") or os.environ.get("USERPROFILE") or ""
    if os.path.isabs(home):
        places.append(os.path.join(home, ".buildkite-agent", "bkagent"))
    user = str(os.getuid()) if hasattr(os, "getuid") else os.environ.get("USERNAME", "user")
    temporary = os.environ.get("TMPDIR") or os.environ.get("TEMP") or "/tmp"
    places.append(os.path.join(temporary, "bkagent-" + user))
    return [os.path.join(place, "code", HASH) for place in places]


def _is_ours(folder):
    """Say whether nobody but this user (or root) could have put code there."""
    if not hasattr(os, "getuid"):
        return True
    try:
        found = [
            os.lstat(folder),
            os.lstat(os.path.dirname(folder)),
            os.lstat(os.path.dirname(os.path.dirname(folder))),
        ]
    except OSError:
        return False
    return all(entry.st_uid in (0, os.getuid()) and not entry.st_mode & 0o022 for entry in found)


def _unpack(archive, folder, mode=0o700):
    import zipfile

    above = os.path.dirname(folder)
    os.makedirs(above, mode=mode, exist_ok=True)
    for path in (above, os.path.dirname(above)):
        if hasattr(os, "getuid") and os.lstat(path).st_uid == os.getuid() and os.lstat(path).st_mode & 0o022:
            os.chmod(path, mode)
    if not _is_ours(above):
        raise OSError("others can write to " + above)
    aside = "%s.%d" % (folder, os.getpid())
    with zipfile.ZipFile(archive) as packed:
        names = [name for name in packed.namelist() if name.startswith(_PACKAGE) and ".." not in name]
        packed.extractall(aside, names)
    _compile(aside, folder, () if mode & 0o055 else _SELDOM)
    with open(os.path.join(aside, _MARK), "w") as mark:
        mark.write(os.path.abspath(sys.executable) + "\n")
    try:
        os.rename(aside, folder)
    except OSError:
        import shutil

        if os.path.exists(os.path.join(folder, _MARK)):
            shutil.rmtree(aside, ignore_errors=True)
            return
        # The same code, which lost its mark since nobody used it for long; or what is left of it.
        gone = aside + ".gone"
        try:
            os.rename(folder, gone)
            os.rename(aside, folder)
        finally:
            shutil.rmtree(gone, ignore_errors=True)
            shutil.rmtree(aside, ignore_errors=True)


def _compile(aside, folder, left_out):
    """Compile what was unpacked, under the names that tracebacks should show, but for some rooms.

    Where others run the code who cannot write there, everything has to be compiled.
    """
    import py_compile

    for path, folders, names in os.walk(aside):
        folders[:] = [name for name in folders if name not in left_out]
        for name in names:
            if name.endswith(".py"):
                source = os.path.join(path, name)
                py_compile.compile(source, dfile=folder + source[len(aside) :], doraise=False, quiet=1)
