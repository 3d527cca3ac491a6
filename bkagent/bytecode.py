"""Loads this program's modules from their bytecode, in less time than Python takes for modules that may lie anywhere.

What it does not find current where it belongs is left to Python: code that was changed, never compiled, or is packed.
So is all of it where Python has not the parts of its own search that this needs: then this module cannot be imported.
"""

import os
import sys
from _frozen_importlib import ModuleSpec  # type: ignore[import-not-found]
from _frozen_importlib_external import MAGIC_NUMBER  # type: ignore[import-not-found]
from _imp import _fix_co_filename  # type: ignore[attr-defined]
from _io import open_code
from marshal import loads

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Optional, Tuple

_PACKAGE = "bkagent."
_HEAD_BYTES = 16  # PEP 552: the magic number, flags, and of the source its time of change and its size
_BY_TIME = MAGIC_NUMBER + bytes(4)  # and not by a hash of the source


def use_for(module: str, cached: str) -> None:
    """Load further modules of the package as `module` was loaded, from `cached`, if that is where bytecode belongs."""
    package, _, name = module.rpartition(".")
    root, found, ending = cached.partition(f"{package.replace('.', '/')}/__pycache__/{name}.")
    if found and not any(isinstance(finder, BytecodeFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, BytecodeFinder(root, "." + ending))


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
            status = os.stat(source)
            head = _BY_TIME + _four_bytes(int(status.st_mtime)) + _four_bytes(status.st_size)
            if data[:_HEAD_BYTES] != head:
                return None
            code = loads(memoryview(data)[_HEAD_BYTES:])
            _fix_co_filename(code, source)  # TypeError for what is no code
        except (OSError, ValueError, EOFError, TypeError):
            return None
        return code, cached


def _four_bytes(number: int) -> bytes:
    return (number & 0xFFFFFFFF).to_bytes(4, "little")
