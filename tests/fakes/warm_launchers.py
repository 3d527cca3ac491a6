"""Launchers with a warm process behind them, and what a test sees of that in the system."""

import os
import select
import subprocess
import time

from bkagent.config.launching import self_command
from bkagent.warm.command_forks import CommandForks
from tests.fakes.control_plane import deadline


class WarmLaunchers:
    """Launchers, and the process behind them."""

    def __init__(self, root, environ):
        self.launchers = self_command.launcher_folder(str(root / "state"))
        self.calls = os.path.join(self.launchers, self_command.CALLS)
        self.program = os.path.join(self.launchers, "buildkite-agent")
        self.environ, self.said = environ, []
        self.commands = self.agent()

    def agent(self):
        forks = CommandForks(self.launchers, dict(os.environ), lambda level, text, event: self.said.append(text))
        forks.open()
        return forks

    def run(self, *words, env=None, **how):
        how.setdefault("stdin", None if "input" in how else subprocess.DEVNULL)
        if how["stdin"] is None:
            del how["stdin"]
        environ = {**self.environ, **(env or {})}
        return subprocess.run([self.program, *words], env=environ, capture_output=True, timeout=60, **how)

    def shell(self, text, *words, shell="sh", **how):
        """Run a shell script, to which `$0` is the launcher."""
        argv = [shell, "-c", text, self.program, *words]
        return subprocess.run(argv, env=self.environ, capture_output=True, timeout=60, **how)

    def start(self, *words, **how):
        how = {**dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL), **how}
        return subprocess.Popen([self.program, *words], env=self.environ, **how)

    def is_warm(self, env=None, through=(), **how):
        """Whether a command is run by the process: the script that asked it waits, and has not become the command."""
        # More than a pipe holds: the command waits until it is read.
        large = {f"LARGE{number}": "x" * 60_000 for number in range(3)}
        environ = {**self.environ, **large, **(env or {})}
        argv = [*through, self.program, "env", "dump"]
        with subprocess.Popen(argv, env=environ, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, **how) as caller:
            assert select.select([caller.stdout], [], [], 60)[0]
            program = os.path.basename(os.readlink(f"/proc/{caller.pid}/exe"))
            caller.stdout.read()
        assert caller.returncode == 0
        return not program.startswith("python")

    def wait(self):
        patient = deadline()
        while not self.is_warm():
            assert patient(), self.said
        return self

    @property
    def pid(self):
        try:
            with open(os.path.join(self.calls, "server"), encoding="ascii") as file:
                return int(file.read().split()[0])
        except FileNotFoundError:
            return 0

    def children(self):
        """Return the processes below the warm one; the kernel's own list leaves some out while others end."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
                    parent = int(file.read().rpartition(")")[2].split()[1])
            except OSError:
                continue
            if parent == self.pid:
                found.append(int(pid))
        return found

    def input_of(self, pid):
        """Return the path of a process's standard input, "" for one that is about to end."""
        try:
            return os.readlink(f"/proc/{pid}/fd/0")
        except OSError:
            return ""

    def forks(self):
        """Return those at work: a spare one reads the queue."""
        return [pid for pid in self.children() if self.input_of(pid) not in ("", os.path.join(self.calls, "queue"))]

    def spare(self):
        """Return the fork that waits for a caller, once there is one."""
        patient = deadline()
        while True:
            spares = [pid for pid in self.children() if self.input_of(pid) == os.path.join(self.calls, "queue")]
            if len(spares) == 1:
                return spares[0]
            assert patient(), spares
            time.sleep(0.01)

    def watches(self):
        """Whether the process sees to a caller itself: not to those whose commands end at once."""
        folder = f"/proc/{self.pid}/fd"
        files = [os.path.basename(os.readlink(os.path.join(folder, fd))) for fd in os.listdir(folder)]
        return any(name.startswith("answer") for name in files)

    def slots(self):
        return [name for name in os.listdir(self.calls) if name.startswith("slot")]


def eventually(condition):
    patient = deadline()
    while not condition():
        if not patient():
            return False
        time.sleep(0.01)
    return True
