"""Options of `local run`."""

from bkagent.config.kinds import FILE_PATH, FLAG, ITEMS, TEXT, WHOLE
from bkagent.config.option import Option

STEP = Option("step", TEXT, "", help="Run only the step or group with this key, without its dependencies.")
AGENTS = Option("agents", WHOLE, 0, help="How many jobs may run at once; 0 for the number of processors.")
ENV = Option("env", ITEMS, (), help="Variable of the build, as NAME=VALUE; repeat the flag for several.")
COMMITTED = Option("committed", FLAG, False, help="Run the last commit instead of the working tree.")
DATA = Option(
    "data", FILE_PATH, "", help="Folder for logs, artifacts and the store; .bkagent in the repository by default."
)

LOCAL_RUN = (STEP, AGENTS, ENV, COMMITTED, DATA)
