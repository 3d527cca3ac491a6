"""Options of the commands about the agent as a service."""

from bkagent.config.kinds import CHECKED_DURATION, FILE_PATH, FLAG, SECRET, TEXT, WHOLE
from bkagent.config.option import Option
from bkagent.config.options import api, logging

NAME = Option("name", TEXT, "bkagent", help="Name of the service.")
RUN_AS = Option(
    "run-as", TEXT, "",
    help=r"Account of the service: NT SERVICE\NAME with the name of the service, DOMAIN\NAME$, DOMAIN\USER or .\USER.",
)  # fmt: skip
CONFIG = Option(
    "config", FILE_PATH, "",
    help="Configuration file of the agent; by default the one that start finds at the usual places.",
)  # fmt: skip
TOKEN = Option(
    api.TOKEN.name, SECRET, "", env=api.TOKEN.env, secret=True,
    help="Token that registers the agent; file://PATH reads it from a file. It is copied to a file of the service.",
)  # fmt: skip
DRAIN_TIMEOUT = Option(
    "drain-timeout", CHECKED_DURATION, 600.0,
    help="How long running jobs may go on after a stop, before they are cancelled; 0s cancels them at once.",
)  # fmt: skip
LINES = Option("lines", WHOLE, 50, help="How many lines to print.")
FOLLOW = Option("follow", FLAG, False, help="Go on printing what is logged, until Ctrl-C.")

SHARED = (*logging.SHARED, NAME)
INSTALL = (*SHARED, RUN_AS, CONFIG, TOKEN, DRAIN_TIMEOUT)
PROCESS = (NAME, DRAIN_TIMEOUT)
