"""Every command and its summary. The module of a command is loaded only when it is called.

The module of "meta-data get" is `bkagent.cli.commands.meta_data_get`; it defines COMMAND.
"""

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Command

COMMANDS = {
    "acknowledgements": "Print the licences of third-party software",
    "agent-api-process": "Take part in the Agent API for an agent",
    "agents get": "Describe an agent",
    "agents list": "List the agents that are connected",
    "agents pause": "Give an agent no jobs for a while",
    "agents resume": "Give a paused agent jobs again",
    "agents stop": "Ask an agent to leave",
    "annotate": "Put an annotation on the build's page",
    "annotation remove": "Remove an annotation from the build's page",
    "artifact download": "Download artifacts of the build",
    "artifact list": "Print a table of the build's artifacts",
    "artifact search": "List artifacts of the build",
    "artifact shasum": "Print the checksum of an artifact",
    "artifact upload": "Upload files as artifacts of the job",
    "bootstrap": "Run one job as the environment describes it",
    "build cancel": "Cancel a build",
    "build create": "Create a build on an embedded control plane",
    "cache restore": "Restore caches of the job",
    "cache save": "Save caches of the job",
    "command-process": "Run the commands that jobs call",
    "completion": "Print a completion script for a shell",
    "config check": "Report all problems of a configuration file",
    "config show": "Show each setting of the agent and where it comes from",
    "env dump": "Print the environment as JSON",
    "env get": "Print variables of the job",
    "env set": "Set variables of the job",
    "env unset": "Remove variables of the job",
    "git-credentials-helper": "Give git the password of the job's repository",
    "help": "Describe a command",
    "job promise-failure": "Promise early that the job will fail",
    "job update": "Change an attribute of the running job",
    "job-process": "Run one job from its spool entry",
    "kubernetes-bootstrap": "Run a job in a container of a pod",
    "local run": "Run this repository's pipeline on this machine",
    "lock acquire": "Wait for a lock and print its token",
    "lock do": "Begin work that one job of this machine does for all",
    "lock done": "Mark the work begun by lock do as done",
    "lock get": "Print the state of a lock",
    "lock list": "List the locks of this machine and who holds them",
    "lock release": "Release a lock",
    "meta-data exists": "Check whether a key exists",
    "meta-data get": "Print the value of a key",
    "meta-data keys": "Print every key",
    "meta-data set": "Set the value of a key",
    "meta-data set-batch": "Set the values of several keys",
    "oidc request-token": "Print a token that proves which job this is",
    "pause": "Pause the agent that runs this job",
    "pipeline upload": "Add the steps of a pipeline file to the build",
    "redactor add": "Redact a text in the job's log",
    "resume": "Resume the agent that runs this job",
    "secret get": "Print secrets of the cluster",
    "server": "Serve the embedded control plane",
    "server login-url": "Print a link that logs in to the pages of a running server",
    "server token create": "Create a token of the REST API, or one that registers agents",
    "server token list": "List the tokens that were created",
    "server token revoke": "Make a token invalid",
    "service install": "Install the agent as a service of Windows",
    "service logs": "Print what the agent of a service logs",
    "service remove": "Remove a service",
    "service start": "Start a service",
    "service status": "Print what a service does",
    "service stop": "Stop a service when its running jobs have ended",
    "service-process": "Run the agent as a service",
    "spool export": "Write the log of a job in the spool",
    "spool flush": "Deliver the jobs left in the spool now",
    "spool list": "List the jobs whose logs and results are still on this machine",
    "spool show": "Print the details of a job in the spool",
    "start": "Register with a control plane and run its jobs",
    "step cancel": "Cancel the unfinished jobs of a step",
    "step get": "Print an attribute of a step",
    "step update": "Change an attribute of a step",
    "stop": "Stop the agent that runs this job",
    "tool keygen": "Generate a key pair for signing pipelines",
    "tool sign": "Sign the steps of a pipeline",
    "workdir set": "Change the working directory of the rest of the job",
}

# Commands that work, but are for this program's own use.
HIDDEN = {
    "agent-api-process", "cache restore", "cache save", "command-process", "job promise-failure", "job-process",
    "service-process",
}  # fmt: skip
# Commands of this program that buildkite-agent does not have.
OWN = {"build create", "completion", "config check", "config show", "local run", "server", "server login-url"}
OWN |= {"artifact list", "spool export", "spool flush", "spool list", "spool show", "lock list"}
OWN |= {"agents get", "agents list", "agents pause", "agents resume", "agents stop"}
OWN |= {"server token create", "server token list", "server token revoke"}
OWN |= {
    "service install", "service logs", "service remove", "service start", "service status", "service stop",
    "service-process",
}  # fmt: skip

GROUPS = {
    "agents": "Manage the agents of a server",
    "annotation": "Manage annotations",
    "artifact": "Upload and download artifacts",
    "build": "Manage builds",
    "cache": "Save and restore caches",
    "config": "Check and show configurations",
    "env": "Read and change the environment of the running job",
    "job": "Change the running job",
    "local": "Run pipelines on this machine",
    "lock": "Share locks between the jobs of this machine",
    "meta-data": "Read and write the build's keys and values",
    "oidc": "Request OpenID Connect tokens",
    "pipeline": "Change the running build's pipeline",
    "redactor": "Redact secrets in the job's log",
    "secret": "Read secrets",
    "server": "Manage a running server",
    "server token": "Manage the tokens of a server",
    "service": "Run the agent as a service of Windows",
    "spool": "Manage the logs and results that are still on this machine",
    "step": "Read and change steps of the build",
    "tool": "Generate keys and sign pipelines",
    "workdir": "Change the job's working directory",
}


def module_name(command: str) -> str:
    """Return the module that defines a command."""
    return "bkagent.cli.commands." + command.replace(" ", "_").replace("-", "_")


def load(command: str) -> "Command":
    """Return a command; its module is loaded for that."""
    module = module_name(command)
    __import__(module)
    return sys.modules[module].COMMAND  # type: ignore[no-any-return]


def find(words: "list[str]") -> "tuple[str, int]":
    """Return the longest command that `words` begin with and how many words it has; ("", 0) for none.

    A command that is a group as well takes no words of its own: a misspelt one must not start a server.
    """
    for count in (3, 2, 1):
        name = " ".join(words[:count])
        if len(words) >= count and name in COMMANDS:
            misspelt = name in GROUPS and words[1:] and not words[1].startswith("-")
            return ("", 0) if misspelt else (name, count)
    return "", 0
