"""A `docker` for tests, without an engine: `run` and `compose run` enter a folder that stands for an image, by chroot.

The container sees what is mounted and is told what is passed, and nothing else; its network is the machine's. Other
command lines are answered with success. Only root can use it, on Linux.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, NamedTuple, Sequence

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_WITH_WORDS = ("--volume", "-v", "--env", "-e", "--workdir", "--label", "--name", "--entrypoint", "-u", "--user")
_CALLS, _IMAGES = "calls", "images"
# Programs of the machine that stand in an image beside the shell, for the tests themselves.
_PROGRAMS = ("cat", "cmp", "ls", "mkdir", "rm")


def why_not() -> str:
    """Return why it cannot be used here, "" if it can."""
    if sys.platform != "linux" or os.geteuid() != 0:
        return "only root on Linux enters another root folder"
    words = ["unshare", "--mount", "--pid", "--fork", "true"]
    if not shutil.which("unshare") or subprocess.run(words, stderr=subprocess.DEVNULL).returncode:
        return "unshare of util-linux does not work here"
    return ""


class Docker:
    """The program, and its images; `folder` goes on PATH."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / _IMAGES).mkdir(parents=True)
        program = folder / "docker"
        code = (
            f"import sys\nsys.path.insert(0, {TOP!r})\nfrom tests.fakes import docker\ndocker.main({str(folder)!r})\n"
        )
        program.write_text(f"#!{sys.executable} -S\n{code}", encoding="utf-8")
        program.chmod(0o755)

    def image(self, name: str, *, python: bool = False) -> None:
        """Make an image of the machine's shell and libraries, and with its Python if it shall have one."""
        root = self._root(name)
        for program in ("sh", *_PROGRAMS):
            shutil.copy(shutil.which(program) or "", root / "bin")
        mounts = [folder for folder in ("/lib", "/lib64", "/usr/lib") if os.path.isdir(folder)]
        if python:
            mounts.append(os.path.realpath(sys.base_prefix))
            (root / "usr/bin/python3").symlink_to(os.path.realpath(sys.executable))
        (root / "mounts").write_text("\n".join(mounts), encoding="utf-8")

    def busybox_image(self, name: str, busybox: str) -> None:
        """Make an image of busybox alone."""
        root = self._root(name)
        shutil.copy(busybox, root / "bin/busybox")
        for program in ("sh", *_PROGRAMS):
            (root / "bin" / program).symlink_to("busybox")

    def image_of(self, root: Path) -> None:
        """Make an image of a root file system, named like its folder."""
        image = self.folder / _IMAGES / root.name
        subprocess.run(["cp", "--archive", f"{root}/.", str(image)], check=True)
        (image / "dev/null").touch()
        (image / "mounts").touch()

    def calls(self) -> List[List[str]]:
        """Return the command lines that it was called with."""
        lines = (self.folder / _CALLS).read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def _root(self, name: str) -> Path:
        root = self.folder / _IMAGES / name
        for folder in ("bin", "usr/bin", "tmp", "proc", "dev", "root"):
            (root / folder).mkdir(parents=True)
        (root / "dev/null").touch()
        (root / "mounts").touch()
        return root


class _Run(NamedTuple):
    volumes: List[str]
    env: Dict[str, str]
    workdir: str
    image: str
    command: List[str]


def main(folder: str) -> None:
    """Answer one command line."""
    words = sys.argv[1:]
    with open(os.path.join(folder, _CALLS), "a", encoding="utf-8") as file:
        file.write(json.dumps(words) + "\n")
    if words[:1] in (["run"], ["compose"]) and "run" in words:
        _enter(os.path.join(folder, _IMAGES), _read(words[words.index("run") + 1 :]))


def _read(words: Sequence[str]) -> _Run:
    volumes, env, workdir, rest = [], {"PATH": _PATH, "HOME": "/root"}, "/", list(words)
    while rest[0].startswith("-"):
        flag, equals, word = rest.pop(0).partition("=")
        if not equals and flag in _WITH_WORDS:
            word = rest.pop(0)
        if flag in ("--volume", "-v"):
            volumes.append(word)
        elif flag in ("--env", "-e"):
            name, equals, text = word.partition("=")
            if equals or name in os.environ:
                env[name] = text if equals else os.environ[name]
        elif flag == "--workdir":
            workdir = word
    return _Run(volumes, env, workdir, rest[0], rest[1:])


def _enter(images: str, run: _Run) -> None:
    root = os.path.join(images, run.image)
    with open(os.path.join(root, "mounts"), encoding="utf-8") as file:
        volumes = [f"{path}:{path}" for path in ["/dev/null", *file.read().split("\n")] if path] + run.volumes
    mount, chroot = shutil.which("mount") or "", shutil.which("chroot") or ""
    lines = [f"{mount} -t proc proc {shlex.quote(root)}/proc"]
    for volume in volumes:
        source, target = volume.split(":")[:2]
        inside = root + target
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        if os.path.isdir(source):
            os.makedirs(inside, exist_ok=True)
        else:
            Path(inside).touch()
        lines.append(f"{mount} --bind {shlex.quote(source)} {shlex.quote(inside)}")
    start = ["/bin/sh", "-c", 'cd "$0" && exec "$@"', run.workdir, *run.command]
    lines.append(f"exec {chroot} {' '.join(map(shlex.quote, [root, *start]))}")
    unshare = shutil.which("unshare") or ""
    words = [unshare, "--mount", "--pid", "--fork", "--kill-child", shutil.which("sh") or "", "-euc", "\n".join(lines)]
    os.execve(unshare, words, run.env)
