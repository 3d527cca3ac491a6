"""`bkagent tool keygen`: make a pair of keys that sign pipelines."""

from bkagent.cli.command import Command
from bkagent.cli.in_job import choices
from bkagent.config.options import signing as options
from bkagent.config.options.logging import SHARED
from bkagent.errors import AgentError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from bkagent.cli.command import Call

_DEFAULT_ALGORITHM = "EdDSA"


def run(call: "Call") -> int:
    """Generate the keys and write both files, or none. As in the reference, an error is a message of its log."""
    try:
        _generate(call)
    except AgentError as problem:
        call.report("fatal", str(problem))
        return problem.exit_code
    return 0


def _generate(call: "Call") -> None:
    settings = call.settings
    if settings[options.ALGORITHM]:
        choices.check(call, options.ALGORITHM)
    algorithm = settings[options.ALGORITHM] or _DEFAULT_ALGORITHM
    from bkagent.cli.signing import new_keys

    key_id = settings[options.KEY_ID] or new_keys.random_id()
    if not settings[options.KEY_ID]:
        call.report("info", f"No --key-id given: the key has the id {key_id}")
    private_path = settings[options.PRIVATE_FILE] or f"./{algorithm}-{key_id}-private.json"
    public_path = settings[options.PUBLIC_FILE] or f"./{algorithm}-{key_id}-public.json"
    if algorithm.startswith("PS"):
        call.report("info", "Generating an RSA key, which takes some seconds")
    new_keys.generate(algorithm, key_id, private_path, public_path)
    call.report("info", f"Wrote the private key, for agents that sign, to {private_path}")
    call.report("info", f"Wrote the public key, for agents that verify, to {public_path}")


COMMAND = Command(
    "tool keygen",
    run,
    options=(*SHARED, *options.KEYGEN),
    description=(
        "Generates a private key that signs the steps of pipelines, and the public key to verify them with. Each is "
        "written to a file of its own that only its owner can read; existing files are never replaced."
    ),
    example="bkagent tool keygen --alg EdDSA --key-id deploys",
)
