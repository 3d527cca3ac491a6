"""`python -m bkagent`: the command line, from a checkout."""

from bkagent.cli.main import run

run()
