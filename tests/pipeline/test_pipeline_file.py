"""Reading the file of a pipeline: one limit for every command, and nothing cut off."""

import io

import pytest

from bkagent.errors import AgentError
from bkagent.pipeline.document import pipeline_file


def test_a_pipeline_over_the_limit_is_refused_and_not_cut_off(tmp_path, monkeypatch):
    monkeypatch.setattr(pipeline_file, "LARGEST_BYTES", 3)
    path = tmp_path / "p.yml"
    path.write_bytes(b"abcd")
    with pytest.raises(AgentError, match='pipeline "p.yml" is larger than 3 bytes'):
        pipeline_file.read_file(str(path), "p.yml")
    path.write_bytes(b"abc")
    assert pipeline_file.read_file(str(path), "p.yml") == pipeline_file.read_stream(io.BytesIO(b"abc"), "-") == b"abc"


def test_a_file_that_cannot_be_read_is_named_as_it_was_given(tmp_path):
    with pytest.raises(AgentError, match='cannot read the pipeline file "p.yml": '):
        pipeline_file.read_file(str(tmp_path), "p.yml")
