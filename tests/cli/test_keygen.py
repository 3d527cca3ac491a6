"""`tool keygen`: two files that only their owner reads, with the parts of a key that works."""

import json
import os
import stat
import subprocess
import sys

import pytest

from bkagent.config.launching import self_command
from bkagent.jose import jws, key_set


def keygen(folder, *words, expect=0):
    done = subprocess.run(
        self_command.command(["tool", "keygen", *words]), cwd=folder, capture_output=True, encoding="utf-8", timeout=120
    )
    assert done.returncode == expect, done
    assert done.stdout == "" and "Traceback" not in done.stderr
    return done.stderr


def parts(folder, stem):
    """Return the private and the public keys that the files of one name have."""
    return [key_set.parse((folder / f"{stem}-{part}.json").read_bytes()) for part in ("private", "public")]


@pytest.mark.parametrize("algorithm, kind", [("EdDSA", "OKP"), ("ES512", "EC"), ("PS512", "RSA")])
def test_one_key_signs_and_the_other_verifies(tmp_path, algorithm, kind):
    shown = keygen(tmp_path, "--alg", algorithm, "--key-id", "llama")
    (private,), (public,) = parts(tmp_path, f"{algorithm}-llama")
    assert jws.verify(jws.sign(b"content", private), b"content", [public]) is public
    documents = [
        json.loads((tmp_path / f"{algorithm}-llama-{part}.json").read_text()) for part in ("private", "public")
    ]
    for document in documents:
        member = document["keys"][0]
        assert [member[name] for name in ("kty", "alg", "kid", "use")] == [kind, algorithm, "llama", "sig"]
    assert "d" in documents[0]["keys"][0] and "d" not in documents[1]["keys"][0]
    assert documents[0]["keys"][0]["d"] not in shown
    assert ("takes some seconds" in shown) == (algorithm == "PS512")


@pytest.mark.skipif(sys.platform == "win32", reason="files have no modes")
def test_only_the_owner_reads_the_files(tmp_path):
    keygen(tmp_path, "--key-id", "k", "--private-jwks-file", "a.json", "--public-jwks-file", "b.json")
    assert sorted(os.listdir(tmp_path)) == ["a.json", "b.json"]
    assert {stat.S_IMODE(os.stat(tmp_path / name).st_mode) for name in ("a.json", "b.json")} == {0o600}


def test_a_key_without_an_id_gets_a_random_one(tmp_path):
    for _ in range(2):
        keygen(tmp_path)
    ids = {name.split("-")[1] for name in os.listdir(tmp_path)}
    assert len(ids) == 2 and all(len(text) == 12 for text in ids)


@pytest.mark.parametrize("existing", ["EdDSA-k-private.json", "EdDSA-k-public.json"])
def test_a_file_that_exists_is_left_alone_and_no_other_is_written(tmp_path, existing):
    (tmp_path / existing).write_text("mine")
    assert "exists, and is not replaced" in keygen(tmp_path, "--key-id", "k", expect=1)
    assert os.listdir(tmp_path) == [existing] and (tmp_path / existing).read_text() == "mine"


def test_a_folder_that_is_missing_is_named(tmp_path):
    shown = keygen(tmp_path, "--key-id", "k", "--public-jwks-file", "nowhere/key.json", expect=1)
    assert "cannot write" in shown and "nowhere" in shown and "No such file or directory" in shown
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("algorithm", ["HS256", "RS256", "none", "odd"])
def test_other_algorithms_are_refused(tmp_path, algorithm):
    shown = keygen(tmp_path, "--alg", algorithm, expect=1)
    assert f'alg must be PS512, ES512 or EdDSA, not "{algorithm}" (flag --alg)' in shown
    assert os.listdir(tmp_path) == []
