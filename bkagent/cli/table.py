"""Every command and its summary. The module of a command is loaded only when it is called.

The module of "meta-data get" is `bkagent.cli.commands.meta_data_get`; it defines COMMAND.
"""

COMMANDS = {
    "annotate": "Put an annotation on the build's page",
    "artifact download": "Download artifacts of the build",
    "artifact upload": "Upload files as artifacts of the job",
    "bootstrap": "Run one job as the environment describes it",
    "build create": "Create a build on an embedded control plane",
    "completion": "Print a script that completes command lines in a shell",
    "config check": "Find everything that is wrong with a configuration file",
    "config show": "Show each setting of the agent and where it comes from",
    "env dump": "Print the environment as JSON",
    "env get": "Print variables of the job",
    "env set": "Set variables of the job",
    "env unset": "Remove variables of the job",
    "help": "Describe a command",
    "job-process": "Run one job from its spool entry",
    "local run": "Run this repository's pipeline on this machine",
    "meta-data exists": "Say by the exit status whether a key exists",
    "meta-data get": "Print the value of a key",
    "meta-data keys": "Print every key",
    "meta-data set": "Set the value of a key",
    "pipeline upload": "Add the steps of a pipeline file to the build",
    "redactor add": "Keep a text out of the job's log",
    "server": "Serve the embedded control plane",
    "start": "Register with a control plane and run its jobs",
}

# Work, but are for this program's own use.
HIDDEN = {"job-process"}

GROUPS = {
    "annotation": "Work with annotations",
    "artifact": "Move files between jobs and the control plane",
    "build": "Work with builds",
    "config": "Check and show configurations",
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
