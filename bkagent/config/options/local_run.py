"""Options of `local run`."""

from bkagent.config.kinds import FILE_PATH, FLAG, ITEMS, TEXT, WHOLE
from bkagent.config.option import Option

STEP = Option("step", TEXT, "", help="Run only the step (or group) of this key, without what it depends on.")
AGENTS = Option("agents", WHOLE, 0, help="How many jobs may run at once; 0 stands for the number of processors.")
ENV = Option("env", ITEMS, (), help="NAME=VALUE, a variable of the build; may be given again.")
COMMITTED = Option("committed", FLAG, False, help="Run the last commit in place of what is on disk.")
DATA = Option(
    "data", FILE_PATH, "", help="Folder for logs, artifacts and the store; .bkagent of the repository by default."
)

LOCAL_RUN = (STEP, AGENTS, ENV, COMMITTED, DATA)
