"""The measurements of docs/performance.md and their like run from a fresh clone: by Python alone, by today's names."""

import glob
import os
import subprocess
import sys

from tests.source_tree import TOP

LOAD_EACH = "import runpy, sys; [runpy.run_path(path, run_name='loaded') for path in sys.argv[1:]]"


def test_each_loads_without_installed_packages() -> None:
    paths = sorted(glob.glob(os.path.join(TOP, "tests", "bench", "*.py")))
    assert os.path.join(TOP, "tests", "bench", "artifacts.py") in paths
    words = [sys.executable, "-I", "-S", "-c", LOAD_EACH, *paths]  # -S: no site-packages
    loading = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert loading.returncode == 0, loading.stdout.decode()
