"""What the launchers of jobs start: the command, run by a process that has loaded all of it, where one serves."""

import sys

from bkagent.system import stand_in

# Not those that go on for as long as an agent or a job, nor those that people call outside of jobs.
SERVED = frozenset((
    "annotate", "annotation", "artifact", "build", "env", "git-credentials-helper", "help", "job", "lock", "meta-data",
    "oidc", "pause", "pipeline", "redactor", "resume", "secret", "step", "stop", "workdir",
))  # fmt: skip


def run(folder: str) -> None:
    """Run the process's own command line and exit. `folder` is that of the launchers."""
    if sys.argv[1:] and sys.argv[1] in SERVED:
        stand_in.hand_over(f"{folder}/{stand_in.SOCKET}")
    from bkagent.cli import main

    main.run()
