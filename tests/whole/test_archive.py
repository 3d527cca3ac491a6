"""The archive as its users get it: one file that runs anywhere there is a Python."""

import ast
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bkagent.cli import table
from bkagent.config.launching import self_command
from tests import source_tree
from tests.fakes.packed_archive import archive, own_temporary

__all__ = ["archive", "own_temporary"]

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
VERSION = "buildkite-agent version 3.138.3+bkagent-"


def run(*words: str, **more: object) -> "subprocess.CompletedProcess[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "universal_newlines": True, "timeout": 60}
    return subprocess.run(words, **{**pipes, **more})


@pytest.fixture(scope="session")
def code_of_a_run(archive: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder with the code that a first run has unpacked, which takes a second of a processor."""
    home = tmp_path_factory.mktemp("unpacked")
    assert run(archive, "--help", env=dict(os.environ, HOME=str(home))).returncode == 0
    return home / ".buildkite-agent"


@pytest.fixture
def unpacked(code_of_a_run: Path) -> Path:
    """Return the folder of code that was unpacked in the test's home before."""
    state = Path(os.environ["HOME"], ".buildkite-agent")
    shutil.copytree(str(code_of_a_run), str(state), symlinks=True)
    (code,) = (state / "bkagent" / "code").iterdir()
    return code


def test_the_header_and_the_code_answer_version_alike(archive: str, unpacked: Path) -> None:
    by_header, by_code = run(archive, "--version"), run(sys.executable, archive, "--version")
    assert by_header.stdout == by_code.stdout
    assert by_header.stdout.startswith(VERSION) and by_header.returncode == by_code.returncode == 0


def test_the_version_holds_one_number_of_three_and_has_its_place_in_their_order(archive: str) -> None:
    version = run(archive, "--version").stdout.split()[-1]
    assert re.findall(r"\d+\.\d+\.\d+", version) == ["3.138.3"]
    # Of semver's build metadata and Python's local versions, the one before the other two.
    assert re.fullmatch(r"3\.138\.3\+[a-z0-9]+(-[a-z0-9]+)*", version)
    in_order = ["3.138.2", "3.138.3", version, "3.138.3+bkagent-99-0-0", "3.138.4", "3.138.10"]
    try:
        done = run("sort", "--version-sort", input="".join(f"{each}\n" for each in reversed(in_order)))
    except FileNotFoundError:
        pytest.skip("this system has no sort")
    if done.returncode:
        pytest.skip("sort knows no order of versions here")
    assert done.stdout.split() == in_order


def compiled(folder: str, room: str) -> bool:
    """Say whether a room of the unpacked code has been compiled."""
    return os.path.isdir(os.path.join(folder, "bkagent", room, "__pycache__"))


LOAD_GROUPS = """
import sys
sys.path.insert(0, sys.argv[1])
from bkagent.cli import main
main._load_faster()
for group in ("start", "job-process", "agent"):
    main.load_together(group)
    print(*sys.modules)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the archive is built for the system that it is built on")
def test_what_an_agent_loads_lies_together(archive: str) -> None:
    run(archive, "--help")
    (folder,) = Path(os.environ["HOME"], ".buildkite-agent", "bkagent", "code").iterdir()
    python = (folder / "python").read_text().strip()  # it was unpacked for that
    printed = run(python, "-I", "-S", "-c", LOAD_GROUPS, str(folder)).stdout
    at_start, for_jobs, for_agent = (line.split() for line in printed.splitlines())
    assert "bkagent.agent.begin" in at_start and "bkagent.job.process" not in at_start
    assert "bkagent.job.process" in for_jobs and "bkagent.agent.worker" not in for_jobs
    assert "bkagent.agent.worker" in for_agent


def test_the_code_is_unpacked_once_and_then_run_from_there(archive: str) -> None:
    first = run(archive, "--help")
    folder = os.path.join(os.environ["HOME"], ".buildkite-agent", "bkagent", "code")
    (code,) = os.listdir(folder)
    mark = os.path.join(folder, code, "python")
    before = os.stat(mark).st_mtime_ns
    # What an agent needs is compiled at once.
    rooms = ("agent", "job", "controlplane")
    assert [compiled(os.path.join(folder, code), room) for room in rooms] == [True, True, False]
    assert run(archive, "--help").stdout == first.stdout
    assert os.listdir(folder) == [code] and os.stat(mark).st_mtime_ns == before
    assert os.stat(folder).st_mode & 0o077 == 0


def test_code_that_has_lost_its_mark_is_unpacked_again(archive: str, unpacked: Path) -> None:
    first = run(archive, "--help")
    (unpacked / "python").unlink()
    (unpacked / "bkagent" / "version.py").unlink()  # and not all of it is left
    assert run(archive, "--help").stdout == first.stdout
    assert os.listdir(unpacked.parent) == [unpacked.name] and (unpacked / "python").exists()


def test_variables_of_a_job_do_not_change_which_code_runs(archive: str, tmp_path: Path) -> None:
    (tmp_path / "bkagent").mkdir()
    (tmp_path / "bkagent" / "__init__.py").write_text("raise SystemExit('hijacked')")
    (tmp_path / "sitecustomize.py").write_text("raise SystemExit('hijacked')")
    hostile = dict(os.environ, PYTHONPATH=str(tmp_path), PYTHONSTARTUP="x", SHIV_ROOT=str(tmp_path))
    for _ in range(2):  # the first run unpacks, the second finds what was unpacked
        done = run(archive, "--help", env=hostile, cwd=str(tmp_path))
        assert done.returncode == 0 and "hijacked" not in done.stdout + done.stderr


def test_a_home_that_cannot_be_had_is_no_obstacle(archive: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path / "file"), "TMPDIR": str(tmp_path)}
    done = run(archive, "--help", env=environ)
    assert done.returncode == 0 and done.stdout.startswith("Usage:")


def test_without_python_there_is_one_sentence(archive: str, tmp_path: Path) -> None:
    if any(os.path.exists(path) for path in ("/usr/bin/python3", "/usr/local/bin/python3")):
        pytest.skip("this machine has a Python in a place that the header always looks at")
    done = run("/bin/sh", archive, "--help", env={"PATH": str(tmp_path), "HOME": str(tmp_path)})
    assert done.returncode == 127 and "bkagent needs Python 3.8" in done.stderr


def test_the_same_source_gives_the_same_bytes(archive: str, tmp_path: Path) -> None:
    code = "import sys; sys.path.insert(0, 'packaging'); import archive; print(archive.build(sys.argv[1]))"
    made = run(sys.executable, "-c", code, str(tmp_path), cwd=TOP, timeout=600)  # it computes for several seconds
    assert made.returncode == 0, made.stderr
    with open(archive, "rb") as one, open(made.stdout.strip(), "rb") as other:
        content = one.read()
        assert content == other.read()
    with open(os.path.join(os.path.dirname(archive), "SHA256SUMS"), encoding="ascii") as sums:
        assert sums.readline() == hashlib.sha256(content).hexdigest() + "  bkagent.pyz\n"
    assert len(content) < 1_000_000


def test_where_nothing_can_be_unpacked_it_runs_packed_or_says_what_to_do(archive: str, tmp_path: Path) -> None:
    nowhere = dict(os.environ, HOME="/dev/null", TMPDIR="/dev/null")
    assert run(archive, "annotate", "--help", env=nowhere).stdout.startswith("Usage:")
    for words in (["server", "--data", str(tmp_path / "data")], ["local", "run"], ["spool", "list"]):
        done = run(archive, *words, env=nowhere)
        assert done.returncode == 1 and re.fullmatch(
            r"bkagent must unpack its code for this command, and no folder for that can be used \(.*/dev/null.*\): set "
            r"HOME to one that can\n",
            done.stderr,
        ), done.stderr


def packed_together(packed: zipfile.ZipFile, member: str) -> "dict[str, int]":
    """Return {name: size} of the files in a member that holds many, whose content must be exactly as long."""
    listing, _, content = packed.read(member).partition(b"\n\n")
    sizes = {name: int(size) for name, size in (line.split(" ") for line in listing.decode().split("\n"))}
    assert sum(sizes.values()) == len(content)
    return sizes


def test_nothing_but_our_own_code_and_the_stub_of_the_launchers_is_inside(archive: str) -> None:
    with zipfile.ZipFile(archive) as packed:
        assert packed.testzip() is None
        others = {name for name in packed.namelist() if not name.startswith("bkagent/")}
        together, of_windows = (packed_together(packed, name) for name in ("together.bin", "windows.bin"))
        code = [name for name in packed.namelist() if name.endswith(".py")] + [*together, *of_windows]
    assert others == {"__main__.py", "archive_entry.py", "together.bin", "windows.bin"}
    assert {name for name in of_windows if "windows" not in name} == {"bkagent/config/launching/launcher.exe"}
    ours = [file.path for file in source_tree.files()]
    assert sorted(name for name in code if name.startswith("bkagent/") and name.endswith(".py")) == sorted(ours)


def test_code_is_packed_without_comments_and_docstrings_and_with_every_line_in_its_place(archive: str) -> None:
    with zipfile.ZipFile(archive) as packed:
        code = {name: packed.read(name) for name in packed.namelist() if name.startswith("bkagent/")}
        for member in ("together.bin", "windows.bin"):
            listing, _, content = packed.read(member).partition(b"\n\n")
            for name, size in (line.split(" ") for line in listing.decode().split("\n")):
                code[name], content = content[: int(size)], content[int(size) :]
    for file in source_tree.files():
        packed_lines, lines = (
            code[file.path].decode().splitlines(),
            Path(source_tree.TOP, file.path).read_text("utf-8").splitlines(),
        )
        assert len(packed_lines) == len(lines), file.path
        others = [at for at, pair in enumerate(zip(packed_lines, lines), 1) if pair[0] != pair[1] and pair[0].strip()]
        for at in others:  # a line that lost a comment, or a docstring that was all of a body
            rest = packed_lines[at - 1]
            assert lines[at - 1].startswith(rest + "  #") or rest.strip() == "pass", f"{file.path}:{at}"
    assert b'"""' not in code["bkagent/version.py"] and b"#" not in code["bkagent/version.py"]


@pytest.mark.skipif(sys.platform == "win32", reason="for other systems")
def test_other_systems_unpack_little_of_windows(archive: str) -> None:
    run(archive, "--help")
    (code,) = Path(os.environ["HOME"], ".buildkite-agent", "bkagent", "code").iterdir()
    assert not list(code.rglob("*.exe"))
    # These ask where to unpack to, and who could have put code there.
    halves = {path.name for path in (code / "bkagent" / "system").rglob("_*_windows.py")}
    assert halves == {f"_{name}_windows.py" for name in ("account", "folder_access", "pipe_security", "trusted_path")}


def test_other_systems_load_nothing_of_what_they_do_not_unpack(archive: str) -> None:
    with zipfile.ZipFile(archive) as packed:
        of_windows = packed_together(packed, "windows.bin")
    modules = {file.module for file in source_tree.files() if file.path in of_windows}
    on_windows = ast.dump(ast.parse("sys.platform == 'win32'", mode="eval").body)
    for file in source_tree.files():
        imports = source_tree.imports(file, lambda condition: ast.dump(condition.test) == on_windows)
        loaded = {module for _, module in imports}
        assert file.path in of_windows or not loaded & modules, f"{file.path} loads {loaded & modules}"


def test_the_bill_of_materials_names_the_archive_and_the_stub(archive: str) -> None:
    folder = Path(archive).parent
    bill = json.loads((folder / "bkagent.cdx.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256(Path(archive).read_bytes()).hexdigest()
    assert bill["bomFormat"] == "CycloneDX" and bill["specVersion"] == "1.5"
    assert bill["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": digest}]
    with zipfile.ZipFile(archive) as packed:
        listing, _, content = packed.read("windows.bin").partition(b"\n\n")
    size = int(listing.rpartition(b" ")[2])  # it is the last file
    (stub,) = bill["components"]
    assert stub["hashes"] == [{"alg": "SHA-256", "content": hashlib.sha256(content[-size:]).hexdigest()}]
    assert stub["licenses"][0]["license"]["id"] == "BSD-2-Clause"
    assert "BSD-2-Clause" in run(archive, "acknowledgements").stdout


def loads(file: source_tree.SourceFile) -> "set[str]":
    """Return the modules that a file loads at any time, not those that it names for its types alone."""
    imports = source_tree.imports(file, lambda condition: getattr(condition.test, "id", "") == "TYPE_CHECKING")
    return {module for _, module in imports}


def all_loaded(*modules: str) -> "set[str]":
    """Return these modules and all that they may load, on whatever system."""
    loaded_by = {file.module: loads(file) for file in source_tree.files()}
    left, loaded = list(modules), set()
    while left:
        module = left.pop()
        if module not in loaded:
            loaded.add(module)
            left += loaded_by.get(module, ())
    return loaded


def test_what_windows_loads_before_it_has_unpacked_is_no_part_of_what_it_unpacks(archive: str) -> None:
    asked_first = ("bkagent.config.paths", "bkagent.system.own_memory", "bkagent.system.trusted_path")
    halves = {module for module in all_loaded(*asked_first) if module.endswith("_windows")}
    with zipfile.ZipFile(archive) as packed:
        assert halves and {module.replace(".", "/") + ".py" for module in halves} <= set(packed.namelist())


def test_what_the_commands_of_jobs_load_can_be_run_out_of_the_archive(archive: str) -> None:
    """In a container nothing is unpacked. `build create` is not for containers."""
    names = [name for name in table.COMMANDS if name.split(" ")[0] in self_command.SERVED and name != "build create"]
    loaded = all_loaded("bkagent.cli.main", *(table.module_name(name) for name in names))
    with zipfile.ZipFile(archive) as packed:
        there = {*packed.namelist(), *packed_together(packed, "windows.bin")}
    assert {file.path for file in source_tree.files() if file.module in loaded} <= there


def test_the_installer_places_a_command_that_works(archive: str, tmp_path: Path) -> None:
    prefix = str(tmp_path / "prefix")
    done = run("sh", os.path.join(TOP, "install.sh"), archive, env=dict(os.environ, PREFIX=prefix))
    assert done.returncode == 0, done.stderr
    command = os.path.join(prefix, "bin", "bkagent")
    assert run(command, "--version").stdout.startswith(VERSION)
    (code,) = os.listdir(os.path.join(prefix, "lib", "bkagent", "code"))
    # Whole, since those who run it cannot write there.
    assert compiled(os.path.join(prefix, "lib", "bkagent", "code", code), "controlplane")
    shutil.rmtree(os.path.join(os.environ["HOME"], ".buildkite-agent"))
    assert run(command, "--help").stdout.startswith("Usage:")
    assert not os.path.exists(os.path.join(os.environ["HOME"], ".buildkite-agent", "bkagent", "code")), code


def test_the_installer_refuses_an_archive_that_its_checksum_does_not_know(archive: str, tmp_path: Path) -> None:
    broken = tmp_path / "bkagent.pyz"
    with open(archive, "rb") as file:
        broken.write_bytes(file.read() + b"x")
    with open(os.path.join(os.path.dirname(archive), "SHA256SUMS"), encoding="ascii") as sums:
        (tmp_path / "SHA256SUMS").write_text(sums.read())
    environ = dict(os.environ, PREFIX=str(tmp_path / "prefix"))
    done = run("sh", os.path.join(TOP, "install.sh"), str(broken), env=environ)
    assert done.returncode == 1 and "does not match" in done.stderr
    assert not os.path.exists(str(tmp_path / "prefix"))


@pytest.mark.skipif(
    sys.platform != "linux" or not os.path.exists("/bin/bash"), reason="the header leaves it to the code"
)
def test_the_header_shows_the_pages_of_the_code(archive: str, unpacked: Path) -> None:
    for name in sorted({*table.COMMANDS, *table.GROUPS}):
        words = [*name.split(" "), "--help"]
        by_header = (unpacked / "bkagent" / "help" / name.replace(" ", "_")).read_text("ascii")
        assert run(archive, *words).stdout == by_header != "", name
        (unpacked / "bkagent" / "help" / name.replace(" ", "_")).unlink()
        assert run(archive, *words).stdout == by_header, name


@pytest.mark.skipif(
    sys.platform != "linux" or not os.path.exists("/bin/bash"), reason="the header leaves it to the code"
)
def test_the_header_shows_a_page_only_where_the_code_would_print_the_same(
    archive: str, unpacked: Path, tmp_path: Path
) -> None:
    for page in ("help", "start"):
        (unpacked / "bkagent" / "help" / page).write_text("by the header\n")
    for words in (["start", "--help"], ["help"], ["--help"]):
        assert run(archive, *words).stdout == "by the header\n", words
    by_other_name = tmp_path / "agent"
    by_other_name.symlink_to(archive)
    for words, variables in (
        (["start", "--help"], {"COLUMNS": "100"}), (["start", "--help"], {"HOME": ""}), (["start --help"], {}),
        (["start", "--debug", "--help"], {}), (["../help/start", "--help"], {}), (["start", "-h"], {}),
        (["", "--help"], {}),
    ):  # fmt: skip
        done = run(archive, *words, env={**os.environ, **variables})
        assert "by the header" not in done.stdout and done.stdout + done.stderr, words
    assert run(str(by_other_name), "start", "--help").stdout.startswith("Usage: agent start")
    with open("/dev/full", "wb") as full:
        assert run(archive, "start", "--help", stdout=full).returncode == 1
    assert run("/bin/sh", "-c", '"$0" start --help >&-', archive).returncode == 0
