"""Which file is a hook, what kind it is, and that none is found outside the folder that confines it."""

import os
import random

import pytest

from bkagent.hooks.find import find, find_all
from bkagent.hooks.kind import HookKind, read_kind
from bkagent.system.confined_path import resolve_below


def write(path, data=b""):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return str(path)


def test_the_plain_name_wins_over_powershell(tmp_path):
    write(tmp_path / "command.ps1")
    assert find(str(tmp_path), "command") == str(tmp_path / "command.ps1")
    write(tmp_path / "command")
    assert find(str(tmp_path), "command") == str(tmp_path / "command")


@pytest.mark.parametrize("folder", ["", "missing"])
def test_a_missing_folder_has_no_hooks(tmp_path, folder):
    assert find(folder and str(tmp_path / folder), "command") is None


def test_a_folder_and_a_broken_link_are_no_hooks(tmp_path):
    (tmp_path / "command").mkdir()
    os.symlink("nowhere", tmp_path / "pre-exit")
    assert find(str(tmp_path), "command") is None
    assert find(str(tmp_path), "pre-exit") is None


def test_all_folders_of_the_agent_are_asked_in_order(tmp_path):
    first, third = write(tmp_path / "1" / "command"), write(tmp_path / "3" / "command")
    folders = [str(tmp_path / name) for name in ("1", "2", "3")]
    assert find_all(folders, "command") == [first, third]


def test_a_link_inside_the_checkout_is_followed(tmp_path):
    write(tmp_path / "scripts" / "hook")
    hooks = tmp_path / ".buildkite" / "hooks"
    hooks.mkdir(parents=True)
    os.symlink("../../scripts/hook", hooks / "command")
    assert find(str(hooks), "command", inside=str(tmp_path)) == str(hooks / "command")


@pytest.mark.parametrize("target", ["../../../outside", "/etc/hostname", "../../../checkout/scripts/hook"])
def test_a_link_out_of_the_checkout_is_no_hook(tmp_path, target):
    write(tmp_path / "outside")
    checkout = tmp_path / "checkout"
    write(checkout / "scripts" / "hook")
    hooks = checkout / ".buildkite" / "hooks"
    hooks.mkdir(parents=True)
    os.symlink(target, hooks / "command")
    assert find(str(hooks), "command", inside=str(checkout)) is None


def test_a_linked_hooks_folder_out_of_the_checkout_has_no_hooks(tmp_path):
    write(tmp_path / "outside" / "command")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    os.symlink("../outside", checkout / "hooks")
    assert find(str(checkout / "hooks"), "command", inside=str(checkout)) is None


def test_links_in_a_circle_lead_nowhere(tmp_path):
    os.symlink("b", tmp_path / "a")
    os.symlink("a", tmp_path / "b")
    assert resolve_below(str(tmp_path), "a") is None


@pytest.mark.parametrize("seed", range(30))
def test_no_path_through_random_links_leaves_the_root(tmp_path, seed):
    chance = random.Random(seed)
    root = tmp_path / "root"
    folders = [root / "a", root / "a" / "b", root / "c"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    words = ["..", ".", "a", "b", "c", "l0", "l1", "l2", "/", str(root)]
    for number in range(3):
        target = "/".join(chance.choice(words) for _ in range(chance.randint(1, 4)))
        os.symlink(target, chance.choice(folders) / f"l{number}")
    for _ in range(200):
        found = resolve_below(str(root), "/".join(chance.choice(words) for _ in range(chance.randint(1, 6))))
        if found is not None:
            real = os.path.realpath(found)
            assert real == str(root) or real.startswith(str(root) + os.sep)
            assert real == found


@pytest.mark.parametrize(
    "head, kind",
    [
        (b"", HookKind.SHELL),
        (b"echo hi\n", HookKind.SHELL),
        (b"#!/bin/sh", HookKind.SHELL),
        (b"#!/bin/bash -e\n", HookKind.SHELL),
        (b"#! /usr/bin/env zsh\n", HookKind.SHELL),
        (b"#!/usr/local/bin/ksh\r\n", HookKind.SHELL),
        (b"#!/usr/bin/env dash -e\n", HookKind.SHELL),
        (b"#!/usr/bin/env -S bash -e\n", HookKind.SCRIPT),
        (b"#!/usr/bin/env python3\n", HookKind.SCRIPT),
        (b"#!/usr/bin/env\n", HookKind.SCRIPT),
        (b"#!/usr/bin/fish\n", HookKind.SCRIPT),
        (b"#!/bin/bash5\n", HookKind.SCRIPT),
        (b"#!", HookKind.SCRIPT),
        (b"#!/usr/bin/env 'unclosed\n", HookKind.SCRIPT),
        (b"\x7fELF\x02", HookKind.BINARY),
        (b"\xca\xfe\xba\xbe", HookKind.BINARY),
        (b"\xfe\xed\xfa\xce", HookKind.BINARY),
        (b"\xfe\xed\xfa\xcf", HookKind.BINARY),
        (b"\xce\xfa\xed\xfe", HookKind.BINARY),
        (b"\xcf\xfa\xed\xfe", HookKind.BINARY),
        (b"MZ\x90\x00", HookKind.BINARY),
        (b"\x7fEL", HookKind.SHELL),
        (b"MZ", HookKind.SHELL),
    ],
)
def test_the_first_bytes_tell_what_a_hook_is(tmp_path, head, kind):
    assert read_kind(write(tmp_path / "hook", head)).kind is kind


def test_the_interpreter_is_the_first_word_of_the_shebang(tmp_path):
    assert read_kind(write(tmp_path / "hook", b"#! /opt/bin/bash -e\n")).interpreter == "/opt/bin/bash"
