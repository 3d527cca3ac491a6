"""Options of commands that call the REST API of a server: `agents`."""

from bkagent.config.kinds import FILE_PATH, FLAG, SECRET, TEXT, WHOLE
from bkagent.config.option import Option
from bkagent.config.options import bootstrap, server

DATA = Option("data", FILE_PATH, "", help="Data folder of a server that runs on this machine, instead of --endpoint.")
ENDPOINT = Option(
    "endpoint",
    TEXT,
    "https://api.buildkite.com",
    env=server.REST_ENDPOINT.env,
    help="URL of the REST API.",
)
TOKEN = Option(
    "token",
    SECRET,
    "",
    env=server.REST_TOKEN.env,
    secret=True,
    help="Token of the REST API; needs the scope read_agents, and write_agents to change an agent.",
)
ORGANIZATION = Option(
    "organization",
    TEXT,
    "",
    env=bootstrap.ORGANIZATION.env,
    help="Organization, by default the first one that the token sees.",
)
NAME = Option("name", TEXT, "", help="List only agents of this name.")
HOSTNAME = Option("hostname", TEXT, "", help="List only agents of this host.")
VERSION = Option("agent-version", TEXT, "", help="List only agents of this version.")
AS_JSON = Option("json", FLAG, False, help="Print JSON, as the REST API has it.")
WATCH = Option(
    "watch",
    FLAG,
    False,
    help="Keep the list up to date until interrupted: in place on a terminal, elsewhere with a line for each change.",
)
NO_FORCE = Option("no-force", FLAG, False, help="Let the agent finish its job first; otherwise the job is canceled.")
NOTE = Option("note", TEXT, "", help="Why the agent is paused.")
MINUTES = Option("timeout-in-minutes", WHOLE, 5, help="After so many minutes the agent is resumed.")

SERVER = (DATA, ENDPOINT, TOKEN, ORGANIZATION)
LIST = (*SERVER, NAME, HOSTNAME, VERSION, AS_JSON, WATCH)
GET = (*SERVER, AS_JSON)
STOP = (*SERVER, NO_FORCE)
PAUSE = (*SERVER, NOTE, MINUTES)
