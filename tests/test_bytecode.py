"""Our modules are loaded from their bytecode, and by Python where that is not current."""

import importlib.util
import os
import py_compile
import subprocess
import sys

import pytest

from bkagent.config.launching.self_command import code_root

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "packaging"))

import archive_entry  # noqa: E402

pytestmark = pytest.mark.skipif(os.sep == "\\", reason="Windows' paths are left to Python")

ENDING = f".{sys.implementation.cache_tag}.pyc"
# Loads a module of the package at argv[1] by what main.py there was loaded by; says what it holds and who loaded it.
PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:3]
import bkagent
bkagent.__path__.append(sys.argv[2] + "/bkagent")
from bkagent import bytecode, main
bytecode.use_for(main.__name__, main.__cached__)
import bkagent.room.thing as thing
print(thing.VALUE, thing.__spec__.loader.__class__.__name__, thing.__file__, thing.__cached__, thing.__package__)
print(bkagent.room.__path__, thing.__spec__.loader.get_data(sys.argv[1] + "/plain"))
print(thing.tell.__code__.co_filename)
"""


@pytest.fixture
def package(tmp_path):
    for folder in ("bkagent", "bkagent/room"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "__init__.py").touch()
    (tmp_path / "bkagent" / "main.py").touch()
    (tmp_path / "plain").write_text("text")
    thing = tmp_path / "bkagent" / "room" / "thing.py"
    thing.write_text("VALUE = 'first'\ndef tell(): pass\n")
    for path in (tmp_path / "bkagent").rglob("*.py"):
        py_compile.compile(str(path), doraise=True)
    return tmp_path


def run(package):
    argv = [sys.executable, "-I", "-S", "-B", "-c", PROGRAM, str(package), code_root()]
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True, timeout=60).stdout.splitlines()


def test_a_module_is_loaded_as_python_would(package):
    source, cached = package / "bkagent/room/thing.py", package / f"bkagent/room/__pycache__/thing{ENDING}"
    assert run(package) == [
        f"first BytecodeFinder {source} {cached} bkagent.room",
        f"['{package}/bkagent/room'] b'text'",
        str(source),
    ]


def test_code_that_was_changed_is_loaded_by_python(package):
    (package / "bkagent" / "room" / "thing.py").write_text("VALUE = 'changed'\ndef tell(): pass\n")
    assert run(package)[0].startswith("changed SourceFileLoader ")


@pytest.mark.parametrize("content", [b"", b"\0" * 40], ids=["empty", "of another Python"])
def test_bytecode_of_no_use_is_left_to_python(package, content):
    (package / f"bkagent/room/__pycache__/thing{ENDING}").write_bytes(content)
    assert run(package)[0].startswith("first SourceFileLoader ")


def test_bytecode_that_is_missing_is_left_to_python(package):
    (package / f"bkagent/room/__pycache__/thing{ENDING}").unlink()
    assert run(package)[0].startswith("first SourceFileLoader ")


def test_commands_are_loaded_so():
    code = "import sys; sys.path.insert(0, sys.argv.pop(1)); from bkagent.cli.main import run; run()"
    argv = [sys.executable, "-I", "-S", "-v", "-c", code, code_root(), "start", "--help"]
    subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=60)
    said = subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=True, timeout=60).stderr
    assert b"import 'bkagent.cli.commands.start' # <bkagent.bytecode.BytecodeFinder" in said


@pytest.mark.parametrize("lacking", ["_frozen_importlib_external", "_imp"])
def test_where_python_has_not_what_that_needs_commands_are_loaded_by_python(lacking):
    code = f"import sys; sys.modules[{lacking!r}] = None; sys.path.insert(0, sys.argv.pop(1)); "
    code += "from bkagent.cli.main import run; run()"
    argv = [sys.executable, "-I", "-S", "-B", "-c", code, code_root(), "start", "--help"]
    page = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=60).stdout
    assert b"bkagent start" in page


# Loads a group of the package at argv[1], as PROGRAM does; says what that has loaded, and what an import gives then.
GROUP_PROGRAM = """
import sys
sys.path[:0] = sys.argv[1:3]
import bkagent
bkagent.__path__.append(sys.argv[2] + "/bkagent")
from bkagent import bytecode, main
bytecode.use_for(main.__name__, main.__cached__)
bytecode.load_together("all")
print(*(name for name in sys.modules if name.startswith("bkagent.room")))
import bkagent.room.thing as thing
print(thing.VALUE, thing.__spec__.loader.__class__.__name__, thing.__file__, thing.__cached__, thing.__package__)
print(bkagent.room.__path__, thing.__loader__.get_data(sys.argv[1] + "/plain"), bkagent.room.thing is thing)
print(thing.tell.__code__.co_filename, thing.__spec__.submodule_search_locations, thing.__spec__._initializing)
"""


def pack(package, *names):
    rows = []
    for name in names:
        path = package.joinpath(*name.split("."))
        source = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
        with open(importlib.util.cache_from_source(str(source)), "rb") as file:
            rows.append((name, path.is_dir(), file.read(16), file.read()))
    group = package / "bkagent" / "__pycache__" / ("all.together" + ENDING)
    archive_entry._write_group(str(group), rows)
    return group


def run_group(package):
    argv = [sys.executable, "-I", "-S", "-B", "-c", GROUP_PROGRAM, str(package), code_root()]
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)


def test_modules_that_lie_together_are_loaded_as_python_would(package):
    pack(package, "bkagent.room", "bkagent.room.thing")
    loaded, *said = run_group(package).stdout.splitlines()
    assert loaded == "bkagent.room bkagent.room.thing"
    source, cached = package / "bkagent/room/thing.py", package / f"bkagent/room/__pycache__/thing{ENDING}"
    assert said == [
        f"first BytecodeFinder {source} {cached} bkagent.room",
        f"['{package}/bkagent/room'] b'text' True",
        f"{source} None False",
    ]


@pytest.mark.parametrize("damage", ["changed", "gone", "cut", "of another Python", "without its package"])
def test_modules_that_lie_together_in_vain_are_loaded_by_themselves(package, damage):
    names = ["bkagent.room", "bkagent.room.thing"]
    group = pack(package, *(names[1:] if damage == "without its package" else names))
    if damage == "changed":
        (package / "bkagent" / "room" / "thing.py").write_text("VALUE = 'changed'\ndef tell(): pass\n")
    elif damage == "gone":
        group.unlink()
    elif damage == "cut":
        group.write_bytes(group.read_bytes()[:30])
    elif damage == "of another Python":
        group.write_bytes(b"\0\0\0\0" + group.read_bytes()[4:])
    loaded, value, *_ = run_group(package).stdout.splitlines()
    assert loaded == "" and value.split()[0] == ("changed" if damage == "changed" else "first")


def test_modules_whose_code_is_cut_off_are_loaded_by_themselves(package):
    group = pack(package, "bkagent.room", "bkagent.room.thing")
    group.write_bytes(group.read_bytes()[:-30])
    loaded, value, *_ = run_group(package).stdout.splitlines()
    assert loaded == "bkagent.room" and value.split()[0] == "first"


def test_a_module_that_is_interrupted_is_not_left_half_loaded(package):
    thing = package / "bkagent" / "room" / "thing.py"
    thing.write_text("raise KeyboardInterrupt\n")
    py_compile.compile(str(thing), doraise=True)
    pack(package, "bkagent.room", "bkagent.room.thing")
    program = GROUP_PROGRAM.replace(
        'bytecode.load_together("all")\n',
        "try:\n    bytecode.load_together('all')\nexcept KeyboardInterrupt:\n    print('interrupted')\n",
    ).partition("import bkagent.room.thing")[0]
    argv = [sys.executable, "-I", "-S", "-B", "-c", program, str(package), code_root()]
    said = subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True, timeout=60).stdout
    assert said.splitlines() == ["interrupted", "bkagent.room"]


def test_a_module_that_fails_does_so_where_it_is_imported(package):
    thing = package / "bkagent" / "room" / "thing.py"
    thing.write_text("raise KeyError('told')\n")
    py_compile.compile(str(thing), doraise=True)
    pack(package, "bkagent.room", "bkagent.room.thing")
    ran = run_group(package)
    assert ran.stdout.splitlines() == ["bkagent.room"] and "KeyError: 'told'" in ran.stderr
