"""Options of `cache save` and `cache restore`."""

from bkagent.config.kinds import ITEMS, TEXT, WHOLE
from bkagent.config.option import Option

NAME = Option(
    "name",
    ITEMS,
    (),
    env=("BUILDKITE_CACHE_NAMES",),
    help="Name of a cache; repeat the flag for several; all caches if not given.",
)
REGISTRY = Option(
    "registry",
    TEXT,
    "~",
    env=("BUILDKITE_AGENT_CACHE_REGISTRY",),
    help="Slug of the registry; ~ is the cluster's default.",
)
STORE_URL = Option(
    "cache-store-url",
    TEXT,
    "",
    env=("BUILDKITE_AGENT_CACHE_STORE_URL",),
    help="Where caches are stored, such as s3://bucket/prefix or file:///folder.",
)
CONFIG_FILE = Option(
    "cache-config-file",
    TEXT,
    "",
    env=("BUILDKITE_CACHE_CONFIG_FILE",),
    help="File that describes the caches; by default .buildkite/cache.yml or .buildkite/cache.yaml.",
)
CONCURRENCY = Option(
    "concurrency",
    WHOLE,
    2,
    env=("BUILDKITE_CACHE_CONCURRENCY",),
    help="How many caches to work on at a time.",
)
CACHE = (NAME, REGISTRY, STORE_URL, CONFIG_FILE, CONCURRENCY)
