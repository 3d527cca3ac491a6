"""Named tuples of our own are those of `typing`, and load none of it."""

from __future__ import annotations

import pickle
import subprocess
import sys
import typing

import pytest

from bkagent.config.launching.self_command import code_root
from bkagent.named_tuple import NamedTuple


class Ours(NamedTuple):
    """What both have."""

    first: int
    second: str = "b"

    @property
    def both(self) -> str:
        """Its fields as one text."""
        return f"{self.first}{self.second}"

    @classmethod
    def of(cls, text: str) -> Ours:
        """Return the one of a text."""
        return cls(int(text))


class Typed(typing.NamedTuple):
    """What both have."""

    first: int
    second: str = "b"


def test_they_are_those_of_typing():
    assert Ours(1) == Typed(1) == (1, "b") and Ours(1).both == "1b" and Ours.of("7")._replace(second="c") == (7, "c")
    assert repr(Ours(1, "x")) == "Ours(first=1, second='x')" and hash(Ours(1)) == hash(Typed(1))
    for name in ("__doc__", "__module__", "_fields", "_field_defaults", "__bases__", "__slots__"):
        assert getattr(Ours, name, None) == getattr(Typed, name, None), name
    assert (
        pickle.loads(pickle.dumps(Ours(1, "x"))) == Ours(1, "x") and type(pickle.loads(pickle.dumps(Ours(1)))) is Ours
    )
    assert not any(field in vars(Ours) and isinstance(vars(Ours)[field], str) for field in Ours._fields)


def test_typing_is_not_loaded():
    program = (
        "import sys; sys.path.insert(0, sys.argv[1]); import bkagent.wire.artifacts; print('typing' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-I", "-S", "-c", program, code_root()], stdout=subprocess.PIPE, check=True)
    assert done.stdout.strip() == b"False"


class Many(NamedTuple):
    """More fields than have their code ready."""

    a: int
    b: int
    c: int
    d: int
    e: int
    f: int
    g: int
    h: int
    i: int
    j: int
    k: int
    l: int = 12  # noqa: E741


def test_a_class_may_have_many_fields():
    many = Many(*range(10), k=11)
    assert many == (*range(10), 11, 12) and many._asdict()["l"] == 12 and Many._make(many) == many


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(),
        lambda kind: kind(1, "b", 3),
        lambda kind: kind(1, third=3),
        lambda kind: kind._make([1]),
    ],
)
def test_what_makes_none_is_refused_as_by_typing(make):
    with pytest.raises((TypeError, ValueError)) as by_ours:
        make(Ours)
    with pytest.raises(by_ours.type) as by_typing:
        make(Typed)
    assert str(by_ours.value).replace("Ours.", "") == str(by_typing.value).replace("Typed.", "")


def test_nothing_can_be_added_to_one():
    with pytest.raises(ValueError, match="third"):
        Ours(1)._replace(third=3)
    with pytest.raises(AttributeError):
        Ours(1).third = 3
