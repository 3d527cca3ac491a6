"""What signatures cost: milliseconds to sign and to verify a step, by algorithm, and what HMAC takes in the same run.

    python3 tests/bench/signing.py [STEPS]

Each algorithm signs and verifies that many steps (20 by default). Prints the median of each; nothing is asserted. The
key is loaded once, as by an agent; what that takes is in the last column.
"""

import os
import statistics
import sys
import time
from typing import Callable, List

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from bkagent.jose import algorithms, jwk
from bkagent.jose.algorithms import SecretKey
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.document.wire_form import step_to_wire
from bkagent.pipeline.signature.sign import sign
from bkagent.pipeline.signature.verify import verify_step

STEP = """
- command: make test-%d
  env: {NAME: "value", OTHER: "another value"}
  plugins: [{"docker#v5.12.0": {image: "python:3.12", workdir: /work, environment: [A, B, C]}}]
"""


def milliseconds(act: Callable[[], object]) -> float:
    """Return what one call takes."""
    began = time.perf_counter()
    act()
    return (time.perf_counter() - began) * 1000


def measure(name: str, count: int) -> List[float]:
    """Return the median times of signing and of verifying a step, and that of loading the public key."""
    secret = SecretKey(os.urandom(64))
    key = Jwk(secret if name.startswith("HS") else algorithms.generate(name), name, "k")
    public = key if isinstance(key.key, SecretKey) else key.public
    signing, verifying = [], []
    for number in range(count):
        typed = read_pipeline("steps:" + STEP % number, "steps", {}).typed
        signing.append(milliseconds(lambda: sign(typed, key, "r", lambda text: None)))  # noqa: B023
        step = step_to_wire(typed.steps[0])
        verifying.append(milliseconds(lambda: verify_step(read_command(step), {}, "r", [public])))  # noqa: B023
    loading = [milliseconds(lambda: jwk.parse(public.document())) for _ in range(5)]
    return [statistics.median(times) for times in (signing, verifying, loading)]


def main() -> None:
    """Print the table."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    print(f"{count} steps, Python {sys.version.split()[0]}; milliseconds and multiples of HS256")
    hmac_times = measure("HS256", count)
    print(f"{'':6}{'sign':>9}{'verify':>17}{'load key':>17}")
    for name in algorithms.NAMES:
        times = measure(name, count)
        columns = [f"{ms:8.2f} ({ms / hmac_ms:5.0f} x)" for ms, hmac_ms in zip(times, hmac_times)]
        print(f"{name:6}{' '.join(columns)}")


if __name__ == "__main__":
    main()
