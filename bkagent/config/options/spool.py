"""Options of the commands about an agent's spool."""

from bkagent.config.kinds import CHECKED_DURATION, FLAG
from bkagent.config.option import Option
from bkagent.config.options import agent, logging, session

JSON = Option("json", FLAG, False, in_file=False, help="Print JSON.")
PLAIN = Option("plain", FLAG, False, in_file=False, help="Remove the invisible timestamp codes.")
WITHIN = Option(
    "within", CHECKED_DURATION, 60.0, in_file=False,
    help="How long to try, such as 30s; what is not delivered by then stays in the spool.",
)  # fmt: skip

# Where the agent's configuration file says that its state is, these commands find it.
SHARED = (*logging.SHARED, session.CONFIG, session.STATE_PATH)
OF_THE_AGENT = agent.START
