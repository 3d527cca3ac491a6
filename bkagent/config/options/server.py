"""Options of the embedded control plane: `server` and `build create`."""

from bkagent.config.kinds import CHECKED_DURATION, FILE_PATH, FLAG, ITEMS, SECRET, TEXT
from bkagent.config.option import Option

DEFAULT_LISTEN = "127.0.0.1:8642"

DATA = Option("data", FILE_PATH, "", help="Folder of the control plane: its store, logs, artifacts and tokens.")
SERVER_DATA = DATA.required_as("data folder")
LISTEN = Option(
    "listen",
    TEXT,
    DEFAULT_LISTEN,
    help="Address and port to listen on, as HOST:PORT; port 0 is any that is free.",
)
PUBLIC_URL = Option(
    "url",
    TEXT,
    "",
    help="URL under which others reach this server, for links in jobs, APIs and pages; by default where it listens. "
    "A proxy in front of the server needs it.",
)
OPEN_PAGES = Option(
    "open-pages",
    FLAG,
    False,
    help="Let everybody on this machine read the pages, logs and artifacts without a login, and nothing else; only "
    "where the server listens on a loopback address.",
)
LOST_AFTER = Option(
    "agent-lost-after",
    CHECKED_DURATION,
    180.0,
    help="How long an agent may not be heard before it counts as lost and its job as failed, from 10s on. bkagent's "
    "own agents are told; others expect three minutes.",
)
REST_ENDPOINT = Option(
    "endpoint",
    TEXT,
    "",
    env=("BUILDKITE_REST_API_ENDPOINT",),
    help="URL of a running control plane, in place of --data.",
)
REST_TOKEN = Option(
    "token",
    SECRET,
    "",
    env=("BUILDKITE_API_TOKEN",),
    secret=True,
    help="Token of its REST API, for use with --endpoint.",
)
PIPELINE = Option(
    "pipeline", TEXT, "", help="Pipeline that the build belongs to; made when it is new.", required="pipeline"
)
PIPELINE_FILE = Option(
    "file", FILE_PATH, "", help="File with the build's steps; - reads standard input.", required="file"
)
BRANCH = Option("branch", TEXT, "main", help="Branch that is built.")
COMMIT = Option("commit", TEXT, "HEAD", help="Commit that is built; HEAD is the branch's latest.")
MESSAGE = Option("message", TEXT, "", help="What the build is about.")
BUILD_ENV = Option("env", ITEMS, (), help="NAME=VALUE, a variable of the build; may be given again.")
BUILD_META_DATA = Option("meta-data", ITEMS, (), help="KEY=VALUE, meta-data of the build; may be given again.")
REPOSITORY = Option("repository", TEXT, "", help="Repository that jobs check out; a known pipeline has one already.")
NO_INTERPOLATION = Option(
    "no-interpolation", FLAG, False, help="Keep variables in the file as they are, for the jobs' shells to replace."
)
AS_JSON = Option("json", FLAG, False, help="Print the build as JSON.")

SERVER = (SERVER_DATA, LISTEN, PUBLIC_URL, OPEN_PAGES, LOST_AFTER)
LOGIN_URL = (SERVER_DATA,)
BUILD_CREATE = (
    DATA, REST_ENDPOINT, REST_TOKEN, PIPELINE, PIPELINE_FILE, BRANCH, COMMIT, MESSAGE, BUILD_ENV, BUILD_META_DATA,
    REPOSITORY, NO_INTERPOLATION, AS_JSON,
)  # fmt: skip
