"""Options of the commands about builds."""

from bkagent.config.kinds import TEXT
from bkagent.config.option import Option
from bkagent.config.options.job import BUILD_ID

BUILD = Option("build", TEXT, "", env=(BUILD_ID,), help="Id of the build.", required="build")
