"""Options of meta-data: the build's keys and values."""

from bkagent.config.kinds import TEXT
from bkagent.config.option import Option
from bkagent.config.options.job import JOB

DEFAULT = Option("default", TEXT, "", help="Value to print if the key does not exist; may be empty.")
BUILD = Option(
    "build",
    TEXT,
    "",
    env=("BUILDKITE_METADATA_BUILD_ID",),
    help="Build that has the key, instead of the build of --job.",
)
# Where a build may be named instead, the job may be missing.
ANY_JOB = JOB.required_as("")
