"""Addresses, references and what git and ssh print, as they were recorded of the reference."""

import pytest

from bkagent.git import flags, location, references, ssh_hosts, version
from tests.fakes import vectors


@pytest.mark.parametrize("case", vectors.of("git", "url"))
def test_addresses(case):
    assert location.mirror_folder(case["input"]) == case["mirror_dir"]
    found = location.parse(case["input"])
    if case.get("error"):
        assert found is None
        return
    assert found is not None
    assert found._asdict() == {
        **{name: case[name] for name in ("scheme", "host", "hostname", "port", "path")},
        "user": case.get("user", ""),
    }


@pytest.mark.parametrize("case", vectors.of("git", "ref"))
def test_references(case):
    assert references.is_well_formed(case["ref"]) is case["accepted"]


@pytest.mark.parametrize("case", vectors.of("git", "alias"))
def test_aliases(case):
    assert ssh_hosts.without_alias(case["ssh_host"]) == case["host"]


@pytest.mark.parametrize("case", [*vectors.of("git", "sshg"), *vectors.of("edges", "sshg")])
def test_what_ssh_makes_of_a_host(case):
    assert ssh_hosts.parse_host(case["ssh_g_output"]) == case["host"]


@pytest.mark.parametrize("case", [*vectors.of("git", "gitversion"), *vectors.of("edges", "gitversion")])
def test_versions(case):
    assert version.parse(case["output"]) == ((case["major"], case["minor"]) if case["ok"] else None)


@pytest.mark.parametrize("case", [*vectors.of("git", "filter"), *vectors.of("edges", "filter")])
def test_filters(case):
    assert flags.has_filter(case["flags"]) is case["has_filter"]
