"""Options of `job promise-failure`."""

from bkagent.config.kinds import TEXT
from bkagent.config.option import Option

REASON = Option("reason", TEXT, "", help="Why the job is going to fail.")
