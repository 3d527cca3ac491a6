"""The limit of open files of this process."""

import subprocess
import sys

import pytest

from tests.source_tree import TOP

resource = pytest.importorskip("resource")

SCRIPT = """
import resource, sys
from bkagent.system import descriptors
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 128))
counts = []
for count in (32, 100, 1000):
    descriptors.raise_limit(count)
    counts.append(descriptors.descriptors_count())
print(*counts)
"""


def test_the_limit_is_raised_as_far_as_it_may_be():
    counts = subprocess.run([sys.executable, "-c", SCRIPT], cwd=TOP, stdout=subprocess.PIPE, check=True).stdout
    assert counts.split() == [b"64", b"100", b"128"]
