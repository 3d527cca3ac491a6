"""Options of the tools that make keys and sign pipelines with them."""

from bkagent.config.compat import COMPAT
from bkagent.config.kinds import FILE_PATH, FLAG, SECRET, TEXT, Suggested
from bkagent.config.option import Option
from bkagent.config.options import bootstrap, pipeline

ALGORITHMS = ("PS512", "ES512", "EdDSA")

ALGORITHM = Option(
    "alg",
    Suggested(*ALGORITHMS),
    "",
    env=("BUILDKITE_AGENT_KEYGEN_ALG",),
    help="Algorithm of the keys: PS512, ES512 or EdDSA, which is the default.",
)
KEY_ID = Option(
    "key-id",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_KEYGEN_KEY_ID",),
    help="Id of the keys; a random one by default.",
)
PRIVATE_FILE = Option(
    "private-jwks-file",
    FILE_PATH,
    "",
    env=("BUILDKITE_AGENT_KEYGEN_PRIVATE_JWKS_FILE",),
    help="File for the private key; ./ALG-ID-private.json by default. It must not exist.",
)
PUBLIC_FILE = Option(
    "public-jwks-file",
    FILE_PATH,
    "",
    env=("BUILDKITE_AGENT_KEYGEN_PUBLIC_JWKS_FILE",),
    help="File for the public key; ./ALG-ID-public.json by default. It must not exist.",
)
KEYGEN = (ALGORITHM, KEY_ID, PRIVATE_FILE, PUBLIC_FILE)

GRAPHQL_TOKEN = Option(
    "graphql-token",
    SECRET,
    "",
    env=("BUILDKITE_GRAPHQL_TOKEN",),
    secret=True,
    help="Token of the GraphQL API. The pipeline is then fetched with it, in place of FILE and --repo.",
)
UPDATE = Option(
    "update",
    FLAG,
    False,
    env=("BUILDKITE_TOOL_SIGN_UPDATE",),
    help="Put the signed steps into the settings of the fetched pipeline, after a question.",
)
NO_CONFIRM = Option(
    "no-confirm",
    FLAG,
    False,
    env=("BUILDKITE_TOOL_SIGN_NO_CONFIRM",),
    help="Do so without the question.",
)
ORGANIZATION = Option(
    "organization-slug",
    TEXT,
    "",
    env=bootstrap.ORGANIZATION.env,
    help="Organization of the pipeline to fetch.",
)
PIPELINE = Option("pipeline-slug", TEXT, "", env=bootstrap.PIPELINE.env, help="Slug of the pipeline to fetch.")
GRAPHQL_ENDPOINT = Option(
    "graphql-endpoint",
    TEXT,
    "https://graphql.buildkite.com/v1",
    env=("BUILDKITE_GRAPHQL_ENDPOINT",),
    help="URL of the GraphQL API.",
)
REPOSITORY = Option(
    "repo",
    TEXT,
    "",
    env=bootstrap.REPOSITORY.env,
    help="Clone URL of the pipeline's repository, which is signed too.",
)
SIGN = (
    GRAPHQL_TOKEN, UPDATE, NO_CONFIRM, *pipeline.SIGNING, pipeline.DEBUG_SIGNING, ORGANIZATION, PIPELINE,
    GRAPHQL_ENDPOINT, REPOSITORY, COMPAT,
)  # fmt: skip
