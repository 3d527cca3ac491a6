"""One word a task: `python3 packaging/tasks.py build`. Without a word, the list."""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "packaging"))


def build() -> int:
    """write dist/bkagent.pyz, dist/bkagent.cdx.json and dist/SHA256SUMS (needs shiv, and distlib or a newer pip)"""
    import archive

    path = archive.build(os.path.join(TOP, "dist"))
    print(f"{os.path.relpath(path, TOP)}: {os.path.getsize(path)} bytes")
    return 0


def compile_everywhere() -> int:
    """compile every file with every Python from 3.8 on that is found"""
    import pythons

    found = pythons.find()
    failures = [python for python in found if not pythons.compiles(python, os.path.join(TOP, "bkagent"))]
    print(f"compiled with {len(found)} Pythons, {len(failures)} failed")
    return 1 if failures or not found else 0


def layers() -> int:
    """hold bkagent/ against the rules of its rooms, classes and names, without pytest"""
    sys.path.insert(0, TOP)
    from tests import test_house, test_layers, test_variable_homes

    tests = [
        test
        for module in (test_layers, test_house, test_variable_homes)
        for name, test in sorted(vars(module).items())
        if name.startswith("test_")
    ]
    for test in tests:
        test()
        print(f"holds: {test.__name__[5:].replace('_', ' ')}")
    return 0 if tests else 1


def smoke() -> int:
    """run one job through a real server and a real agent from this checkout"""
    import smoke as one_job

    return one_job.run()


def reference() -> int:
    """write the pages of commands and options, docs/reference/*.md"""
    import reference as made

    print(f"{len(made.write())} pages in {os.path.relpath(made.FOLDER, TOP)}")
    return 0


def manpage() -> int:
    """write the manual page, docs/reference/bkagent.1"""
    import manpage as made

    print(os.path.relpath(made.write(), TOP))
    return 0


def lint() -> int:
    """ruff, its format, mypy for linux, win32 and darwin (needs both), and the PowerShell scripts by a grammar"""
    import powershell

    commands = [[sys.executable, "-m", "ruff", *words] for words in (["check", "."], ["format", "--check", "."])]
    # The floor of 3.8 is held by ruff and by the tests on 3.8: mypy itself no longer knows that version.
    commands += [[sys.executable, "-m", "mypy", "--platform", name] for name in ("linux", "win32", "darwin")]
    status = max([subprocess.run(command, cwd=TOP).returncode for command in commands])
    return status if powershell.parses(os.path.join(TOP, "windows")) else max(status, 1)


TASKS = {
    "build": build,
    "compile": compile_everywhere,
    "layers": layers,
    "lint": lint,
    "manpage": manpage,
    "reference": reference,
    "smoke": smoke,
}


def main(words: "list[str]") -> int:
    """Run the task that `words` names."""
    task = TASKS.get(words[0]) if len(words) == 1 else None
    if task is None:
        print("usage: python3 packaging/tasks.py TASK\n")
        for name, described in TASKS.items():
            print(f"  {name:<10}{described.__doc__}")
        return 0 if not words else 1
    return task()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
