"""Which process answers callers: one that leaves takes its own name away, and no other's."""

import os
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("no process can stand in for another here", allow_module_level=True)

from bkagent.system.stand_in import _stand_in_queue_linux as queues
from bkagent.system.stand_in.stand_in_script import SERVER


def test_a_process_that_leaves_is_named_no_more(tmp_path):
    queues.announce(str(tmp_path), 7)
    queues.forget_own(str(tmp_path))
    assert os.listdir(tmp_path) == []
    queues.forget_own(str(tmp_path))


def test_the_name_of_the_next_process_stays(tmp_path):
    (tmp_path / SERVER).write_text(f"{os.getpid() + 1} 7\n", encoding="ascii")
    queues.forget_own(str(tmp_path))
    assert os.listdir(tmp_path) == [SERVER]
    assert (tmp_path / SERVER).read_text(encoding="ascii") == f"{os.getpid() + 1} 7\n"
