"""Options of `config show` that are not the agent's own."""

from bkagent.config.kinds import FLAG
from bkagent.config.option import Option

JSON = Option("json", FLAG, False, in_file=False, help="Print a JSON object: {NAME: {value, origin}}.")
