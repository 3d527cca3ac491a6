"""Which modules lie together where the code is unpacked: archive_entry.py writes them, bkagent/bytecode.py loads them.

They are what an agent loads at its start, a group for each moment of that, in the order in which Python loads them:
each after those that it imports.
"""

import os
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
MEMBER = "bkagent/together.txt"  # a line with the system that it is for, then one with group and module for each
# What is imported in each moment, directly or by functions.
GROUPS = {
    "start": (
        "bkagent.cli.table", "bkagent.cli.commands.start", "bkagent.config.sources.command_line", "bkagent.cli.log",
        "bkagent.cli.command", "bkagent.config.settings",
        "bkagent.cli.config_file", "bkagent.cli.defects", "bkagent.cli.start.token_hiding",
        "bkagent.cli.start.agent_settings", "bkagent.agent.begin", "bkagent.agent.shutdown",
        "bkagent.cli.start.signals", "bkagent.cli.start.warm_process",
    ),
    "job-process": ("bkagent.job.warm_process",),
    "agent": ("bkagent.agent.run",),
}  # fmt: skip
# Prints "GROUP MODULE" of each module that has been loaded, for groups "GROUP:MODULE,MODULE".
_LIST = """
import importlib, sys
from importlib import _bootstrap_external
sys.path.insert(0, sys.argv[1])
execute, loaded = _bootstrap_external._LoaderBasics.exec_module, []
def note(self, module):
    execute(self, module)
    loaded.append(module.__name__)
_bootstrap_external._LoaderBasics.exec_module = note
importlib.import_module("bkagent.cli.main")
importlib.import_module("bkagent.bytecode")
for group, _, roots in (word.partition(":") for word in sys.argv[2:]):
    del loaded[:]
    for root in roots.split(","):
        importlib.import_module(root)
    for name in loaded:
        if name.partition(".")[0] == "bkagent":
            print(group, name)
"""


def members() -> "dict[str, bytes]":
    """Return {name in the archive: list}. Raises CalledProcessError where a module cannot be imported."""
    words = [f"{group}:{','.join(roots)}" for group, roots in GROUPS.items()]
    argv = [sys.executable, "-I", "-S", "-B", "-c", _LIST, TOP, *words]
    listed = subprocess.run(argv, stdout=subprocess.PIPE, check=True).stdout
    return {MEMBER: sys.platform.encode() + b"\n" + listed}
