"""A site that verifies: keys, a signed pipeline, a job of it that uploads signed steps; and what is not signed."""

import os

from tests.whole.running import Repository, bkagent
from tests.whole.site import Site

PIPELINE = """
env: {GREETING: hello}
steps:
- {label: upload, command: buildkite-agent pipeline upload more.yml}
- wait
- {label: signed, command: "env | grep GREETING; echo out >out.txt", env: {B: c}, artifact_paths: "*.txt;*.log"}
"""
MORE = """
steps:
- {label: uploaded, command: "echo from {{matrix}}", matrix: [linux, mac], env: {A: b}}
"""
VERIFIED = "~~~ \N{WHITE HEAVY CHECK MARK} Job signature verified\n"


def test_signed_steps_run_and_others_do_not(archive, tmp_path):
    repository = Repository(tmp_path / "repository", files={"more.yml": MORE})
    files = ("--private-jwks-file", "a.json", "--public-jwks-file", "b.json")
    assert bkagent(archive, "tool", "keygen", "--key-id", "k", *files, cwd=tmp_path).status == 0
    # As version 4, which covers the artifact paths; the agent signs as version 3, and verifies both.
    words = ("tool", "sign", "--jwks-file", "a.json", "--repo", str(repository.folder), "--compat", "4")
    signed = bkagent(archive, *words, cwd=tmp_path, stdin=PIPELINE)
    assert signed.status == 0 and signed.out.count("signed_fields:") == 2, signed.text
    assert signed.out.count("- artifact_paths\n") == 1
    with Site(archive, tmp_path) as site:
        keys = [os.path.join(str(tmp_path), name) for name in ("a.json", "b.json")]
        site.agent("--signing-jwks-file", keys[0], "--verification-jwks-file", keys[1])
        assert site.create(signed.out, repository=repository).status == 0
        jobs = [job for job in site.ended()["jobs"] if job["type"] == "script"]
        assert [job["state"] for job in jobs] == ["passed"] * 4, "".join(site.log(name) for name in site.jobs())
        logs = [site.log(name) for name in ("upload", "uploaded", "signed")]
        assert all(text.startswith(VERIFIED) for text in logs)
        assert "GREETING=hello" in logs[2]
        assert site.create(PIPELINE, repository=repository).status == 0
        assert site.ended(2)["state"] == "failed"
        log = site.log("upload", 2)
        assert "job had no signature to verify" in log and "more.yml" not in log
