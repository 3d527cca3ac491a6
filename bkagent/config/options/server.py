"""Options of the embedded control plane: `server` and `build create`."""

from bkagent.config.kinds import CHECKED_DURATION, FILE_PATH, FLAG, ITEMS, LIST, SECRET, TEXT
from bkagent.config.option import Option

DEFAULT_LISTEN = "127.0.0.1:8642"

DATA = Option("data", FILE_PATH, "", help="Folder of the control plane: its store, logs, artifacts and tokens.")
SERVER_DATA = DATA.required_as("data folder")
LISTEN = Option(
    "listen",
    TEXT,
    DEFAULT_LISTEN,
    help="Address and port to listen on, as HOST:PORT; port 0 for any free one.",
)
PUBLIC_URL = Option(
    "url",
    TEXT,
    "",
    help="Public URL of this server, for links in jobs, APIs and pages; by default the address it listens on. "
    "Required behind a proxy.",
)
OPEN_PAGES = Option(
    "open-pages",
    FLAG,
    False,
    help="Let every user of this machine read the pages, logs and artifacts without a login, and nothing else; only "
    "on a server that listens on a loopback address.",
)
LOST_AFTER = Option(
    "agent-lost-after",
    CHECKED_DURATION,
    180.0,
    help="How long an agent may be silent before it is lost and its job fails; at least 10s. bkagent's "
    "own agents are told of it; others expect three minutes.",
)
REST_ENDPOINT = Option(
    "endpoint",
    TEXT,
    "",
    env=("BUILDKITE_REST_API_ENDPOINT",),
    help="URL of a running control plane, instead of --data.",
)
REST_TOKEN = Option(
    "token",
    SECRET,
    "",
    env=("BUILDKITE_API_TOKEN",),
    secret=True,
    help="Token of its REST API; required with --endpoint.",
)
PIPELINE = Option(
    "pipeline", TEXT, "", help="Pipeline of the build; created if it does not exist.", required="pipeline"
)
PIPELINE_FILE = Option(
    "file", FILE_PATH, "", help="File with the build's steps; - for standard input.", required="file"
)
BRANCH = Option("branch", TEXT, "main", help="Branch to build.")
COMMIT = Option("commit", TEXT, "HEAD", help="Commit to build; HEAD for the branch's latest.")
MESSAGE = Option("message", TEXT, "", help="Message of the build.")
BUILD_ENV = Option("env", ITEMS, (), help="Variable of the build, as NAME=VALUE; repeat the flag for several.")
BUILD_META_DATA = Option(
    "meta-data", ITEMS, (), help="Meta-data of the build, as KEY=VALUE; repeat the flag for several."
)
REPOSITORY = Option(
    "repository", TEXT, "", help="Repository that jobs check out; an existing pipeline already has one."
)
NO_INTERPOLATION = Option(
    "no-interpolation", FLAG, False, help="Do not interpolate variables into the file; the jobs' shells expand them."
)
AS_JSON = Option("json", FLAG, False, help="Print the build as JSON.")

TOKEN_NAME = Option(
    "name", TEXT, "", help="What the token is for, as it is listed and shown by the REST API.", required="name"
)
TOKEN_OWNER = Option(
    "owner", TEXT, "", help='Person who owns the token, as "NAME <EMAIL>": who did what is shown under this name.',
    required="owner",
)  # fmt: skip
TOKEN_SCOPES = Option(
    "scopes", LIST, (), help="What the token is good for, such as read_agents,write_agents; by default everything."
)
TOKEN_LIFETIME = Option("expires-in", CHECKED_DURATION, 0.0, help="How long the token is valid; 0 for ever.")
TOKEN_OF_AGENTS = Option(
    "agent", FLAG, False, help="Create a token that registers agents, and is good for nothing else."
)
TOKENS_AS_JSON = Option("json", FLAG, False, help="Print JSON.")

SERVER = (SERVER_DATA, LISTEN, PUBLIC_URL, OPEN_PAGES, LOST_AFTER)
LOGIN_URL = (SERVER_DATA,)
TOKEN_CREATE = (
    SERVER_DATA, TOKEN_NAME, TOKEN_OWNER, TOKEN_SCOPES, TOKEN_LIFETIME, TOKEN_OF_AGENTS, TOKENS_AS_JSON,
)  # fmt: skip
TOKEN_LIST = (SERVER_DATA, TOKENS_AS_JSON)
TOKEN_REVOKE = (SERVER_DATA,)
BUILD_CREATE = (
    DATA, REST_ENDPOINT, REST_TOKEN, PIPELINE, PIPELINE_FILE, BRANCH, COMMIT, MESSAGE, BUILD_ENV, BUILD_META_DATA,
    REPOSITORY, NO_INTERPOLATION, AS_JSON,
)  # fmt: skip
