"""Options of `start` about signed steps: which key jobs sign with, and which keys their signatures are verified by."""

from bkagent.config.kinds import FILE_PATH, FLAG, TEXT, Choice
from bkagent.config.option import Option
from bkagent.config.options import pipeline
from bkagent.config.variables import job_variable as variable

SIGNING_JWKS_FILE = Option(
    "signing-jwks-file",
    FILE_PATH,
    "",
    env=("BUILDKITE_AGENT_SIGNING_JWKS_FILE",),
    help="File with the JSON Web Key Set by which jobs sign the steps that they upload.",
    job=variable.JobVariable(
        pipeline.JWKS_FILE.env[0], told=variable.WHEN_SET, place=58, place_in_file=32, reader=False
    ),
)
SIGNING_JWKS_KEY_ID = Option(
    "signing-jwks-key-id",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_SIGNING_JWKS_KEY_ID",),
    help="Id of the key in --signing-jwks-file to sign with; may be left out if it has a single key.",
    job=variable.JobVariable(
        pipeline.JWKS_KEY.env[0], told=variable.WHEN_SET, place=59, place_in_file=33, reader=False
    ),
)
SIGNING_AWS_KMS_KEY = Option(
    "signing-aws-kms-key",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_SIGNING_AWS_KMS_KEY",),
    help="Key of AWS KMS by which jobs sign the steps that they upload, and by which signed jobs are verified: its id, "
    "alias or ARN. The credentials are those that the AWS CLI would use.",
    job=variable.JobVariable(
        pipeline.AWS_KMS_KEY.env[0], told=variable.WHEN_SET, place=56, place_in_file=30, reader=False
    ),
)
SIGNING_GCP_KMS_KEY = Option(
    "signing-gcp-kms-key",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_SIGNING_GCP_KMS_KEY",),
    help="Key of Google Cloud KMS by which jobs sign the steps that they upload, and by which signed jobs are "
    "verified: the resource name of a version of it. The credentials are those that Google's libraries would use.",
    job=variable.JobVariable(
        pipeline.GCP_KMS_KEY.env[0], told=variable.WHEN_SET, place=57, place_in_file=31, reader=False
    ),
)
DEBUG_SIGNING = Option(
    "debug-signing",
    FLAG,
    False,
    env=pipeline.DEBUG_SIGNING.env,
    help="With --debug, jobs log what they sign, and the agent what it verifies. It may have secrets in it.",
    job=variable.JobVariable(told=variable.WHEN_SET, place=60, reader=False),
)

VERIFICATION_JWKS_FILE = Option(
    "verification-jwks-file",
    FILE_PATH,
    "",
    env=("BUILDKITE_AGENT_VERIFICATION_JWKS_FILE",),
    help="File with the JSON Web Key Set to verify signed jobs by. Jobs without a valid signature are then refused.",
)
VERIFICATION_FAILURE_BEHAVIOR = Option(
    "verification-failure-behavior",
    Choice("", "block", "warn"),
    "block",
    env=("BUILDKITE_AGENT_JOB_VERIFICATION_NO_SIGNATURE_BEHAVIOR",),
    help="What to do with a job whose signature is missing or invalid, or cannot be verified for want of "
    "--verification-jwks-file: block refuses it, warn runs it with a warning in its log.",
)

KEY_SERVICES = (SIGNING_AWS_KMS_KEY, SIGNING_GCP_KMS_KEY)
ALL = (
    SIGNING_JWKS_FILE, SIGNING_JWKS_KEY_ID, *KEY_SERVICES, DEBUG_SIGNING, VERIFICATION_JWKS_FILE,
    VERIFICATION_FAILURE_BEHAVIOR,
)  # fmt: skip
