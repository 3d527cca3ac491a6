"""Loads this program's modules from their bytecode, in less time than Python takes for modules that may lie anywhere.

What it does not find current where it belongs is left to Python: code that was changed, never compiled, or is packed.
So is all of it where Python has not the parts of its own search that this needs: then this module cannot be imported.

What an agent loads at its start lies together in a few files as well (packaging/together.py says which modules, and in
what order; packaging/archive_entry.py writes them where it unpacks the code).
"""

import gc
import os
import sys
from _frozen_importlib import ModuleSpec, _ModuleLockManager  # type: ignore[attr-defined,import-not-found,unused-ignore]
from _frozen_importlib_external import MAGIC_NUMBER  # type: ignore[import-not-found]
from _imp import _fix_co_filename  # type: ignore[attr-defined]
from _io import open_code
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import IO, List, Optional, Tuple

    # The name of a module, whether it is a package, the head of its file of bytecode, and how many bytes follow that.
    Packed = Tuple[str, bool, bytes, int]
else:
    ModuleType = type(sys)

_PACKAGE = "bkagent."
_HEAD_BYTES = 16  # PEP 552: the magic number, flags, and of the source its time of change and its size
_BY_TIME = MAGIC_NUMBER + bytes(4)  # and not by a hash of the source
# A file of several modules: this, the length of their list, their list, and the code of each.
TOGETHER = MAGIC_NUMBER + b"together"
_LENGTH_BYTES = 4


def use_for(module: str, cached: str) -> None:
    """Load further modules of the package as `module` was loaded, from `cached`, if that is where bytecode belongs."""
    package, _, name = module.rpartition(".")
    root, found, ending = cached.partition(f"{package.replace('.', '/')}/__pycache__/{name}.")
    if found and not any(isinstance(finder, BytecodeFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, BytecodeFinder(root, "." + ending))


def load_together(group: str) -> None:
    """Load the modules of a group, where they lie together and are all current; else each import loads its own."""
    finder = next((finder for finder in sys.meta_path if isinstance(finder, BytecodeFinder)), None)
    if finder is None:
        return
    collects = gc.isenabled()
    gc.disable()  # nothing of it is garbage
    try:
        finder.load_together(group)
    finally:
        if collects:
            gc.enable()


class BytecodeFinder:
    """Finds modules below a folder, and loads them. `ending` is that of files of bytecode."""

    def __init__(self, root: str, ending: str) -> None:
        self._root, self._ending = root, ending

    def find_spec(self, name: str, path: object = None, target: object = None) -> "Optional[ModuleSpec]":
        """Return how a module is loaded, None for one that Python has to look for."""
        if not name.startswith(_PACKAGE):
            return None
        place = self._root + name.replace(".", "/")
        folder, _, own_name = place.rpartition("/")
        code = self._read(folder, own_name)
        is_package = code is None
        if is_package:
            folder, own_name = place, "__init__"
            code = self._read(folder, own_name)
        if code is None:
            return None
        origin = f"{folder}/{own_name}.py"
        spec = ModuleSpec(name, self, origin=origin, loader_state=code[0])  # type: ignore[arg-type]
        spec.cached = code[1]
        spec.has_location = True
        if is_package:
            spec.submodule_search_locations = [folder]
        return spec

    def load_together(self, group: str) -> None:
        """Load the modules of a group, as far as that works."""
        try:
            with open_code(f"{self._root}bkagent/__pycache__/{group}.together{self._ending}") as file:
                self._load_all(file)
        except (OSError, ValueError, EOFError, TypeError):
            pass  # those that are left are loaded one by one

    def _load_all(self, file: "IO[bytes]") -> None:
        """Load the modules of a file. Raises OSError, and others where they are not those of their sources."""
        if file.read(len(TOGETHER)) != TOGETHER:
            raise ValueError("another Python's")
        modules: "List[Packed]" = loads(file.read(int.from_bytes(file.read(_LENGTH_BYTES), "little")))
        for name, is_package, head, _ in modules:
            if head != _head_of(self._source(name, is_package)):
                raise ValueError(name)
        for name, is_package, _, size in modules:
            packed = file.read(size)
            # As importing does: another thread that imports it meanwhile waits.
            with _ModuleLockManager(name):
                if name not in sys.modules and not self._load(name, is_package, packed):
                    return

    def _load(self, name: str, is_package: bool, packed: bytes) -> bool:
        """Load a module; return whether that worked. What does not is tried again, and told, by who needs it."""
        package, _, own_name = name.rpartition(".")
        if package and package not in sys.modules:
            return False
        source = self._source(name, is_package)
        folder, _, file_name = source.rpartition("/")
        spec = ModuleSpec(name, self, origin=source)  # type: ignore[arg-type]
        spec.cached = f"{folder}/__pycache__/{file_name[: -len('.py')]}{self._ending}"
        spec.has_location = True
        module = ModuleType(name)
        names = {"__spec__": spec, "__loader__": self, "__file__": source, "__cached__": spec.cached}
        module.__dict__.update(names, __package__=name if is_package else package)
        if is_package:
            spec.submodule_search_locations = module.__dict__["__path__"] = [folder]
        spec._initializing = True  # type: ignore[attr-defined]
        sys.modules[name] = module
        try:
            # One by one: what belongs together lies in the same pages then, of which a fork has fewer to copy.
            code = loads(packed)
            _fix_co_filename(code, source)
            exec(code, module.__dict__)
        except Exception:
            del sys.modules[name]
            return False
        except BaseException:  # as from an interrupt, after which others may still import it
            del sys.modules[name]
            raise
        finally:
            spec._initializing = False  # type: ignore[attr-defined]
        if package:
            setattr(sys.modules[package], own_name, module)
        return True

    def _source(self, name: str, is_package: bool) -> str:
        return f"{self._root}{name.replace('.', '/')}{'/__init__' if is_package else ''}.py"

    def create_module(self, spec: "ModuleSpec") -> None:
        """Have a plain module created."""

    def exec_module(self, module: "ModuleType") -> None:
        """Run the module's code."""
        spec = module.__spec__
        code, spec.loader_state = spec.loader_state, None  # type: ignore[union-attr]
        exec(code, module.__dict__)

    def get_data(self, path: str) -> bytes:
        """Return the content of a file that lies beside modules. Raises OSError."""
        with open(path, "rb") as file:
            return file.read()

    def _read(self, folder: str, name: str) -> "Optional[Tuple[CodeType, str]]":
        """Return the code of a module, and where that lies; None where it is not current."""
        source, cached = f"{folder}/{name}.py", f"{folder}/__pycache__/{name}{self._ending}"
        try:
            with open_code(cached) as file:
                data = file.read()
            if data[:_HEAD_BYTES] != _head_of(source):
                return None
            code = loads(memoryview(data)[_HEAD_BYTES:])
            _fix_co_filename(code, source)  # TypeError for what is no code
        except (OSError, ValueError, EOFError, TypeError):
            return None
        return code, cached


def _head_of(source: str) -> bytes:
    """Return what a file of bytecode begins with that is current. Raises OSError."""
    status = os.stat(source)
    return _BY_TIME + _four_bytes(int(status.st_mtime)) + _four_bytes(status.st_size)


def _four_bytes(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")
