"""Options of `git-credentials-helper`."""

from bkagent.config.kinds import TEXT
from bkagent.config.option import Option
from bkagent.config.options import job

JOB_ID = Option("job-id", TEXT, "", env=job.JOB.env, help="Job that asks for the password.", required="job-id")
