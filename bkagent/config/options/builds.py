"""Options of the commands about builds."""

from bkagent.config.kinds import TEXT
from bkagent.config.option import Option

BUILD = Option("build", TEXT, "", env=("BUILDKITE_BUILD_ID",), help="Build that is meant, by its id.", required="build")
