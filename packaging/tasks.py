"""One word a task: `python3 packaging/tasks.py build`. Without a word, the list."""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, os.path.join(TOP, "packaging"))


def build() -> int:
    """write dist/bkagent.pyz and dist/SHA256SUMS (needs shiv)"""
    import archive

    path = archive.build(os.path.join(TOP, "dist"))
    print(f"{os.path.relpath(path, TOP)}: {os.path.getsize(path)} bytes")
    return 0


def lint() -> int:
    """ruff, and mypy for linux, win32 and darwin (needs both)"""
    commands = [[sys.executable, "-m", "ruff", "check", "."]]
    commands += [[sys.executable, "-m", "mypy", "--platform", name] for name in ("linux", "win32", "darwin")]
    return max([subprocess.run(command, cwd=TOP).returncode for command in commands])


TASKS = {"build": build, "lint": lint}


def main(words: "list[str]") -> int:
    """Run the task that `words` names."""
    task = TASKS.get(words[0]) if len(words) == 1 else None
    if task is None:
        print("usage: python3 packaging/tasks.py TASK\n")
        for name, described in TASKS.items():
            print(f"  {name:<8}{described.__doc__}")
        return 0 if not words else 1
    return task()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
