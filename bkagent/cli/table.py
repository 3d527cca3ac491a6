"""Every command and its summary. The module of a command is loaded only when it is called.

The module of "meta-data get" is `bkagent.cli.commands.meta_data_get`; it defines COMMAND.
"""

COMMANDS = {
    "help": "Describe a command",
}

# Work, but are for this program's own use.
HIDDEN = {"job-process"}

GROUPS = {
    "annotation": "Work with annotations",
    "artifact": "Move files between jobs and the control plane",
    "build": "Work with builds",
    "env": "Read and change the environment of the running job",
    "local": "Run pipelines on this machine alone",
    "meta-data": "Read and write the build's keys and values",
    "pipeline": "Change the running build's pipeline",
    "redactor": "Keep secrets out of the log",
}


def module_name(command: str) -> str:
    """Return the module that defines a command."""
    return "bkagent.cli.commands." + command.replace(" ", "_").replace("-", "_")


def find(words: "list[str]") -> "tuple[str, int]":
    """Return the longest command that `words` begin with and how many words it has; ("", 0) for none."""
    for count in (2, 1):
        name = " ".join(words[:count])
        if len(words) >= count and name in COMMANDS:
            return name, count
    return "", 0
