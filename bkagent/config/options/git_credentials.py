"""Options of `git-credentials-helper`."""

from bkagent.config.kinds import TEXT
from bkagent.config.option import Option

JOB_ID = Option(
    "job-id", TEXT, "", env=("BUILDKITE_JOB_ID",), help="Job that asks for the password.", required="job-id"
)
