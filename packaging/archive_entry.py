"""The entry of the archive: unpack the code once per content, then run it from there.

Runs before anything of bkagent is importable and on whatever Python there is, so it uses little of the
standard library and nothing newer than Python 3.6's syntax.
"""

import os
import sys

HASH = "@HASH@"
_PACKAGE = "bkagent/"
_PACKED = "packed.pyz"  # the archive, for the commands of jobs in containers: bkagent/config/launching/carried_code.py
_MARK = "python"  # written last: names the interpreter that the code was compiled for
# A quarter of the code, which most machines never run: compiled where it is used.
SELDOM = ("controlplane", "localrun", "markdown")
_TOGETHER_LIST = "bkagent/together.txt"
# What never runs out of the archive itself is packed as one member, since its files took half as much again as members
# of their own, and the archive is to stay below a megabyte. packaging/importable.py says what that is.
TOGETHER_MEMBER = "together.bin"
WINDOWS_MEMBER = "windows.bin"  # what other systems need not even unpack


def run():
    """Run the command line of the code that this archive holds."""
    try:
        _run()
    except KeyboardInterrupt:  # while it is unpacked, say; the command line has its own way
        sys.exit(130)


def _run():
    archive = sys.argv.pop(1) if sys.argv[0] == "-c" else os.path.dirname(os.path.abspath(__file__))
    archive = os.path.abspath(archive)
    if sys.version_info < (3, 8):
        sys.exit(_name(archive) + " needs Python 3.8 or newer; this is " + sys.version.split()[0])
    try:
        root, reason = _unpacked(archive)
    except ImportError as error:
        sys.exit(_incomplete(error, archive))
    if not root:
        root = archive  # slower, but most of it works
        sys.meta_path.append(_NotUnpacked(archive, reason))
    sys.path[:] = [root] + [path for path in sys.path if os.path.abspath(path) != archive]
    _forget_packed_modules()
    try:
        from bkagent.cli.main import run as run_command_line
    except ImportError as error:
        sys.exit(_incomplete(error, archive))
    run_command_line(archive)


class _NotUnpacked:
    """Says why it is missing where code is asked for that must be unpacked: nothing of the archive could be."""

    def __init__(self, archive, reason):
        self._archive = archive
        self._reason = reason

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] + "/" == _PACKAGE:
            sys.exit(
                "%s must unpack its code for this command, and no folder for that can be used (%s): set HOME to one "
                "that can" % (_name(self._archive), self._reason)
            )


def install(archive):
    """Unpack the code beside the archive's folder, for every user of this machine. Raises OSError.

    Jobs of other users cannot write there, so that no job can change what the agent runs. Where they could, it is not
    unpacked: that is an error, too.
    """
    from bkagent.errors import ConfigError
    from bkagent.system import trusted_path

    folder = _shared(os.path.abspath(archive))
    try:
        above = trusted_path.follow(os.path.dirname(folder), 0o755)
    except ConfigError as error:
        raise OSError(str(error))
    if above.is_open:
        raise OSError("others can write to " + above.folder)
    if not _is_usable(folder):
        _unpack(archive, folder, mode=0o755)


def _incomplete(error, archive):
    return (
        "%s: this Python (%s) lacks a part of its standard library: %s. "
        "On Debian and Ubuntu install the package python3 in place of python3-minimal"
        % (_name(archive), sys.executable, error)
    )


def _name(archive):
    """Return the name that the archive was called by; `bkagent.version` has the rule, and may not be loadable."""
    name = os.path.basename(archive)
    return name[:-4] if name.endswith(".pyz") else name


def _unpacked(archive):
    """Return the folder that holds the code, unpacking it first where that has not been done, and "".

    Where it cannot be unpacked: None, and the reason.
    """
    _hide_secrets()
    from bkagent.config import paths
    from bkagent.errors import ConfigError

    states = paths.state_paths(os.environ)
    for folder in [_shared(archive)] + [_below(path) for path in states]:
        if _is_usable(folder):
            return os.path.realpath(folder), ""
    reason = ""
    for path in states:
        try:
            folder = _below(paths.make_state(path))
            _unpack(archive, folder)
        except (ConfigError, OSError) as error:
            reason = str(error)
            continue
        return os.path.realpath(folder), ""
    return None, reason


def _hide_secrets():
    """Take secrets off the command line that others see, before anything else is loaded or unpacked."""
    from bkagent.cli import main, secret_flags

    secret_flags.forget(main.SECRET_FLAGS)


def _shared(archive):
    """Return the place of the code that the installer makes, for all users of the machine."""
    return _below(os.path.join(os.path.dirname(archive), os.pardir, "lib", "bkagent"))


def _below(state):
    return os.path.join(state, "code", HASH)


def _is_usable(folder):
    """Return whether the whole code is there, and only root and this user could have put it there."""
    from bkagent.errors import ConfigError
    from bkagent.system import trusted_path

    if not os.path.exists(os.path.join(folder, _MARK)):
        return False
    try:
        trusted_path.check(folder)
    except (ConfigError, OSError):
        return False
    return True


def _forget_packed_modules():
    """Let the modules that said where to unpack to be loaded again, from there."""
    for name in list(sys.modules):
        if name.partition(".")[0] == "bkagent":
            del sys.modules[name]


def _unpack(archive, folder, mode=0o700):
    """Unpack into `folder`, which appears whole. What is above it has been found to be safe. Raises OSError."""
    umask = os.umask(0o777 & ~mode)
    try:
        _write(archive, folder, () if mode & 0o055 else SELDOM)
    finally:
        os.umask(umask)


def _write(archive, folder, left_out):
    import shutil

    os.makedirs(os.path.dirname(folder), exist_ok=True)
    aside = "%s.%d" % (folder, os.getpid())
    try:
        _write_files(archive, aside)
        shutil.copyfile(archive, os.path.join(aside, _PACKED))
        _compile(aside, folder, left_out)
        _pack_together(aside)
        with open(os.path.join(aside, _MARK), "w") as mark:
            mark.write(os.path.abspath(sys.executable) + "\n")
        _move(aside, folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _write_files(archive, aside):
    import zipfile

    made = set()
    with zipfile.ZipFile(archive) as packed:
        for name, content in _files(packed):
            if not name.startswith(_PACKAGE) or ".." in name:
                continue
            path = os.path.join(aside, *name.split("/"))
            if os.path.dirname(path) not in made:
                os.makedirs(os.path.dirname(path), exist_ok=True)
                made.add(os.path.dirname(path))
            with open(path, "wb") as file:
                file.write(content)


def _files(packed):
    """Yield (name, content) of each file of the code; packaging/archive.py has the form of what is packed together."""
    together = (TOGETHER_MEMBER, WINDOWS_MEMBER)
    for name in packed.namelist():
        if name not in together:
            yield name, packed.read(name)
        elif name == TOGETHER_MEMBER or sys.platform == "win32":
            listing, _, content = packed.read(name).partition(b"\n\n")
            at = 0
            for line in listing.decode("ascii").split("\n"):
                inner, size = line.split(" ")
                yield inner, content[at : at + int(size)]
                at += int(size)


def _move(aside, folder):
    from bkagent.system import renaming

    try:
        renaming.rename(aside, folder)
        return
    except OSError:
        if _is_usable(folder):
            return  # another process was faster
    # The same code, which lost its mark because it was not used for long; or what is left of it.
    gone = aside + ".gone"
    try:
        renaming.rename(folder, gone)
        renaming.rename(aside, folder)
    finally:
        import shutil

        shutil.rmtree(gone, ignore_errors=True)


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


def _pack_together(aside):
    """Write the bytecode of modules that are loaded one after the other into one file each group of them.

    packaging/together.py has the list, and bkagent/bytecode.py reads the files. Without them, each module is loaded by
    itself: so none is written where anything is otherwise than usual.
    """
    from importlib.util import cache_from_source

    with open(os.path.join(aside, _TOGETHER_LIST)) as listing:
        system, _, rows = listing.read().partition("\n")
    if system != sys.platform:
        return
    groups = {}
    for group, name in (row.split(" ") for row in rows.splitlines()):
        path = os.path.join(aside, *name.split("."))
        is_package = os.path.isdir(path)
        source = os.path.join(path, "__init__.py") if is_package else path + ".py"
        try:
            with open(cache_from_source(source), "rb") as file:
                head, code = file.read(16), file.read()
        except OSError:
            return
        groups.setdefault(group, []).append((name, is_package, head, code))
    for group, modules in groups.items():
        _write_group(cache_from_source(os.path.join(aside, "bkagent", group + ".together.py")), modules)


def _write_group(path, modules):
    import importlib.util
    import marshal

    listing = marshal.dumps([(name, is_package, head, len(code)) for name, is_package, head, code in modules])
    with open(path, "wb") as file:
        file.write(importlib.util.MAGIC_NUMBER + b"together" + len(listing).to_bytes(4, "little") + listing)
        for _, _, _, code in modules:
            file.write(code)
