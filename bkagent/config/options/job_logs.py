"""Options of `start` about copies of the logs of its jobs."""

from bkagent.config.kinds import CHECKED_DURATION, FILE_PATH, FLAG
from bkagent.config.option import Option

# fmt: off
ENABLE_TMPFILE = Option(
    "enable-job-log-tmpfile", FLAG, False, env=("BUILDKITE_ENABLE_JOB_LOG_TMPFILE",),
    help="While a job runs, copy its log to a file named by BUILDKITE_JOB_LOG_TMPFILE.",
)
TMPFILE_FOLDER = Option(
    "job-log-path", FILE_PATH, "", env=("BUILDKITE_JOB_LOG_PATH",),
    help="Folder of the --enable-job-log-tmpfile file; the temporary folder by default.",
)
TO_STDOUT = Option(
    "write-job-logs-to-stdout", FLAG, False, env=("BUILDKITE_WRITE_JOB_LOGS_TO_STDOUT",),
    help="Also write job logs to standard output; as JSON lines with --log-format json.",
)
FOLDER = Option(
    "job-log-dir", FILE_PATH, "", env=("BKAGENT_JOB_LOG_DIR",),
    help="Keep a copy of the log of each job in this folder, named after pipeline, build and job.",
)
RETENTION = Option(
    "job-log-retention", CHECKED_DURATION, 336 * 3600.0, env=("BKAGENT_JOB_LOG_RETENTION",),
    help="How long to keep the copies in --job-log-dir, such as 336h; 0s for ever.",
)
# fmt: on
ALL = (ENABLE_TMPFILE, TMPFILE_FOLDER, TO_STDOUT, FOLDER, RETENTION)
