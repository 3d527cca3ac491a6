"""Plugins in a pipeline that a developer runs on one machine: vendored, and from a local repository."""

from __future__ import annotations

from pathlib import Path

from tests.whole.running import Repository, bkagent

_VENDORED = {
    ".buildkite/plugins/greet/hooks/pre-command": 'export GREETING="hello $BUILDKITE_PLUGIN_GREET_NAME"\n',
    ".buildkite/plugins/greet/hooks/pre-exit": 'echo "bye $BUILDKITE_PLUGIN_GREET_NAME"\n',
}


def test_a_vendored_plugin_and_one_of_a_local_repository_shape_a_step(archive: str, tmp_path: Path) -> None:
    other = Repository(
        tmp_path / "shout-buildkite-plugin",
        files={"hooks/command": 'echo "$GREETING$BUILDKITE_PLUGIN_SHOUT_END" | tr a-z A-Z\n'},
    )
    other.git("tag", "v1")
    pipeline = f"""
steps:
  - label: greet
    command: echo not this
    plugins:
      - file://{other.folder}#v1:
          end: "!"
      - ./.buildkite/plugins/greet:
          name: you
"""
    repository = Repository(tmp_path / "repository", pipeline, _VENDORED)
    done = bkagent(archive, "local", "run", cwd=repository.folder)
    assert done.status == 0, done.text
    log = repository.log("greet")
    assert "HELLO YOU!" in log
    assert "bye you" in log
    assert "not this" not in log


def test_a_plugin_that_is_not_there_fails_the_build_before_its_command(archive: str, tmp_path: Path) -> None:
    pipeline = "steps:\n  - label: lost\n    command: echo ran\n    plugins:\n      - ./plugins/none\n"
    repository = Repository(tmp_path / "repository", pipeline)
    done = bkagent(archive, "local", "run", cwd=repository.folder)
    assert done.status == 1, done.text
    assert 'vendored plugin path "./plugins/none" must be a directory' in repository.log("lost")
    assert "echo ran" not in repository.log("lost")
