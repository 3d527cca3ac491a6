"""Options of the commands about builds."""

from bkagent.config.kinds import TEXT
from bkagent.config.option import Option

BUILD = Option("build", TEXT, "", env=("BUILDKITE_BUILD_ID",), help="Id of the build.", required="build")
