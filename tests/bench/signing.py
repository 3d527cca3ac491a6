"""What signatures cost: milliseconds of the processor to sign and to verify a step, beside the reference.

    python3 tests/bench/signing.py [STEPS]

Each algorithm signs and verifies that many steps (500 by default). Prints the median of each; nothing is asserted. The
key is loaded once, as by an agent; what that takes is in the last column.

REFERENCE_SOURCE   folder of the reference's source; with `go` on PATH its own functions sign and verify the same steps
REFERENCE_AGENT    its program; `tool sign` of a pipeline with all the steps is run by it and by this checkout
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Callable, Dict, List, Tuple

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from bkagent.jose import algorithms, jwk, key_set
from bkagent.jose.algorithms import SecretKey
from bkagent.jose.jwk import Jwk
from bkagent.pipeline.document.source import read_pipeline
from bkagent.pipeline.document.steps import read_command
from bkagent.pipeline.document.wire_form import step_to_wire
from bkagent.pipeline.signature.sign import sign
from bkagent.pipeline.signature.verify import verify_step

FOLDER = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(FOLDER))
ALGORITHMS = ("HS256", "RS256", "PS512", "ES256", "ES512", "EdDSA")
# Those that `tool keygen` makes keys for, and `tool sign` takes.
OF_TOOLS = ("PS512", "ES512", "EdDSA")
STEP = """
- command: make test-%d
  env: {NAME: "value", OTHER: "another value"}
  plugins: [{"docker#v5.12.0": {image: "python:3.12", workdir: /work, environment: [A, B, C]}}]
"""
PACKAGE = "bench_of_signing"  # the name under which the reference's build sees our program


def milliseconds(act: Callable[[], object]) -> float:
    """Return what one call takes of the processor, which other programs do not lengthen."""
    began = time.process_time()
    act()
    return (time.process_time() - began) * 1000


def new_key(name: str) -> Jwk:
    """Return a key for an algorithm, whose name is its id."""
    return Jwk(SecretKey(os.urandom(64)) if name.startswith("HS") else algorithms.generate(name), name, name)


def measure(key: Jwk, count: int) -> Tuple[float, float, float]:
    """Return the median times of signing and of verifying a step, and that of loading the public key."""
    public = key if isinstance(key.key, SecretKey) else key.public
    signing, verifying = [], []
    for number in range(count):
        typed = read_pipeline("steps:" + STEP % number, "steps", {}).typed
        signing.append(milliseconds(lambda: sign(typed, key, "r", lambda text: None)))  # noqa: B023
        step = step_to_wire(typed.steps[0])
        verifying.append(milliseconds(lambda: verify_step(read_command(step), {}, "r", [public])))  # noqa: B023
    loading = [milliseconds(lambda: jwk.parse(public.document())) for _ in range(5)]
    return statistics.median(signing), statistics.median(verifying), statistics.median(loading)


def measure_reference(keys: List[Jwk], count: int) -> Dict[str, List[float]]:
    """Return the medians of the reference by algorithm: signing, verifying. {} where it cannot be built."""
    source = os.environ.get("REFERENCE_SOURCE", "")
    if not source or not shutil.which("go"):
        print("The reference's functions are not measured: set REFERENCE_SOURCE, and have `go` on PATH.")
        return {}
    with tempfile.TemporaryDirectory() as folder:
        program, overlay = os.path.join(folder, "bench"), os.path.join(folder, "overlay.json")
        ours = os.path.join(FOLDER, "reference_signing.go")
        with open(overlay, "w", encoding="utf-8") as file:
            json.dump({"Replace": {os.path.join(source, PACKAGE, "main.go"): ours}}, file)
        words = ["go", "build", "-buildvcs=false", "-overlay", overlay, "-o", program, f"./{PACKAGE}"]
        subprocess.run(words, cwd=source, check=True)
        done = subprocess.run(
            [program, str(count), "steps:" + STEP], input=json.dumps(key_set.document(keys)).encode(),
            stdout=subprocess.PIPE, check=True,
        )  # fmt: skip
    medians: Dict[str, List[float]] = json.loads(done.stdout)
    return medians


def run_s(words: List[str]) -> float:
    """Return the seconds that a program takes from start to end."""
    began = time.perf_counter()
    subprocess.run(words, cwd=TOP, check=True, capture_output=True)
    return time.perf_counter() - began


def compare_commands(keys: List[Jwk], count: int) -> None:
    """Print what `tool sign` of a pipeline of all the steps takes, by this checkout and by the reference."""
    reference = os.environ.get("REFERENCE_AGENT", "")
    print(f"\n`tool sign` of a pipeline with {count} steps, in seconds")
    with tempfile.TemporaryDirectory() as folder:
        pipeline, file = os.path.join(folder, "p.yml"), os.path.join(folder, "key.json")
        with open(pipeline, "w", encoding="utf-8") as text:
            text.write("steps:" + "".join(STEP % number for number in range(count)))
        for key in (key for key in keys if key.algorithm in OF_TOOLS):
            with open(file, "w", encoding="utf-8") as text:
                json.dump(key_set.document([key]), text)
            words = ["tool", "sign", "--jwks-file", file, "--repo", "r", pipeline]
            programs = [[sys.executable, "-m", "bkagent"], *([[reference]] if reference else [])]
            seconds = [run_s([*program, *words]) for program in programs]
            ratio = f"  reference {seconds[1]:7.2f}  {seconds[0] / seconds[1]:6.1f} x" if reference else ""
            print(f"{key.algorithm:6} {seconds[0]:7.2f}{ratio}")


def main() -> None:
    """Print the tables."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    keys = [new_key(name) for name in ALGORITHMS]
    theirs = measure_reference([key for key in keys if key.algorithm != "HS256"], count)
    print(
        f"{count} steps, Python {sys.version.split()[0]}; milliseconds of the processor, and multiples of the reference"
    )
    print(f"{'':6}{'sign':>9}{'verify':>21}{'load key':>21}")
    for key in keys:
        columns = []
        for at, ms in enumerate(measure(key, count)):
            reference = theirs.get(key.algorithm, [])
            columns.append(f"{ms:8.2f} " + (f"({ms / reference[at]:8.1f} x)" if at < len(reference) else " " * 12))
        print(f"{key.algorithm:6}{' '.join(columns)}")
    compare_commands(keys, count)


if __name__ == "__main__":
    main()
