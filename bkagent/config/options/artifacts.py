"""Options of artifacts: files that go from a job to the control plane and back."""

from bkagent.config.kinds import FLAG, TEXT, WHOLE
from bkagent.config.option import Option
from bkagent.config.options.job import BUILD_ID

CONTENT_TYPE = Option(
    "content-type",
    TEXT,
    "",
    env=("BUILDKITE_ARTIFACT_CONTENT_TYPE",),
    help="Content type of all files, instead of the one that each file's name implies.",
)
LITERAL = Option(
    "literal",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_ARTIFACT_LITERAL",),
    help="Take each path as a file's name, not as a pattern.",
)
DELIMITER = Option(
    "delimiter",
    TEXT,
    ";",
    env=("BUILDKITE_AGENT_ARTIFACT_DELIMITER",),
    help="Separator between paths; if empty, the argument is a single path.",
)
FOLLOW = Option(
    "glob-resolve-follow-symlinks",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_ARTIFACT_GLOB_RESOLVE_FOLLOW_SYMLINKS",),
    help="Let patterns descend into folders through symbolic links.",
)
SKIP_SYMLINKS = Option(
    "upload-skip-symlinks",
    FLAG,
    False,
    env=("BUILDKITE_ARTIFACT_UPLOAD_SKIP_SYMLINKS",),
    help="Skip files that are symbolic links.",
)
OLD_FOLLOW = Option(
    "follow-symlinks",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_ARTIFACT_SYMLINKS",),
    help="Old name of --glob-resolve-follow-symlinks.",
    replaced_by="glob-resolve-follow-symlinks",
)
CONCURRENCY = Option(
    "concurrency",
    WHOLE,
    0,
    env=("BUILDKITE_ARTIFACT_UPLOAD_CONCURRENCY",),
    help="How many artifacts to upload at once; 0 for the agent's default.",
)
NO_MULTIPART = Option(
    "no-multipart-artifact-upload",
    FLAG,
    False,
    env=("BUILDKITE_NO_MULTIPART_ARTIFACT_UPLOAD",),
    help="Upload each artifact in one request.",
)
UPLOAD_DRY_RUN = Option(
    "dry-run",
    FLAG,
    False,
    help="Print what would be uploaded, with sizes and where to, and send nothing.",
)
STEP = Option("step", TEXT, "", help="Only artifacts of this step (its key, label or id) or of this job (its id).")
BUILD = Option(
    "build",
    TEXT,
    "",
    env=(BUILD_ID,),
    help="Build that the artifacts belong to.",
    required="build",
)
INCLUDE_RETRIED_JOBS = Option(
    "include-retried-jobs",
    FLAG,
    False,
    env=("BUILDKITE_AGENT_INCLUDE_RETRIED_JOBS",),
    help="Include artifacts of jobs that were retried.",
)
NO_S3_MULTIPART_DOWNLOAD = Option(
    "no-s3-multipart-download",
    FLAG,
    False,
    env=("BUILDKITE_NO_S3_MULTIPART_DOWNLOAD",),
    help="Download from Amazon S3 by signed URLs, which are valid for an hour, instead of signed requests.",
)
SKIP_EXISTING = Option(
    "skip-existing",
    FLAG,
    False,
    env=("BKAGENT_ARTIFACT_SKIP_EXISTING",),
    help="Do not download a file again that is there with the same size and SHA-256.",
)
ALLOW_EMPTY_RESULTS = Option("allow-empty-results", FLAG, False, help="Exit with 0 if no artifact matches.")
SEARCH_FORMAT = Option(
    "format",
    TEXT,
    "%j %p %c\\n",
    help="Format of each line: %i id, %p path, %c time of creation, %j job, %s size, %S and %T checksums (SHA-1, "
    "SHA-256), %u URL; \\n and the like are understood.",
)
SHA256 = Option("sha256", FLAG, False, help="Print the SHA-256 checksum instead of the SHA-1.")

# Of a job's own upload as well, which has no flags.
UPLOAD = (
    CONTENT_TYPE, LITERAL, DELIMITER, FOLLOW, SKIP_SYMLINKS, OLD_FOLLOW, CONCURRENCY, NO_MULTIPART,
)  # fmt: skip
