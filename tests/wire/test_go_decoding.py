"""What Go's encoding/json makes of texts at the edges: the values on the right are its own (go 1.24)."""

import pytest

from bkagent.wire import go_decoding

BAD = "\N{REPLACEMENT CHARACTER}"


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        (b"null", {}),
        (b"{}", {}),
        (b'{"a":null}', {"a": ""}),
        (rb'{"a":"\ud800"}', {"a": BAD}),
        (rb'{"a":"\ud800x\uDC00"}', {"a": f"{BAD}x{BAD}"}),
        (rb'{"a":"\ud83d\ude00"}', {"a": "\N{GRINNING FACE}"}),
        (rb'{"a":"\ud800\ud83d\ude00"}', {"a": BAD + "\N{GRINNING FACE}"}),
        (rb'{"a":"\uD800\n"}', {"a": BAD + "\n"}),
        (rb'{"\udfff":"1"}', {BAD: "1"}),
        (b'{"a":"\xff\xe2\x82"}', {"a": BAD * 3}),
        (b'{"a":"\xed\xa0\x80"}', {"a": BAD * 3}),
        (b'{"a":"\xf0\x9f\x98"}', {"a": BAD * 3}),
        ('{"a":"\udcff"}', {"a": BAD}),
        ('{"ä":"€"}'.encode(), {"ä": "€"}),
        (b'{"a":"1","a":"2"}', {"a": "2"}),
        (b'{"a":"1","a":null}', {"a": ""}),
    ],
)
def test_an_object_of_texts(text: "str | bytes", variables: "dict[str, str]") -> None:
    assert go_decoding.string_map(go_decoding.loads(text)) == variables


@pytest.mark.parametrize("text", [b"", b"nul", b"[]", b'"a"', b'{"a":1}', b'{"a":"b"', b'{"a":"\n"}', b"{} {}"])
def test_what_is_no_object_of_texts(text: bytes) -> None:
    with pytest.raises(ValueError):
        go_decoding.string_map(go_decoding.loads(text))


def test_halves_of_pairs_are_found_at_any_depth() -> None:
    document = go_decoding.loads(rb'[{"a":["\ud800",{"\udc00":[1,true,null,"\ud800"]}]}]')
    assert document == [{"a": [BAD, {BAD: [1, True, None, BAD]}]}]


@pytest.mark.parametrize("depth", [800, 5000, 100_000])
def test_what_is_nested_too_deeply_is_no_defect(depth: int) -> None:
    try:
        document = go_decoding.loads(b"[" * depth + rb'"\ud800"' + b"]" * depth)
    except ValueError:
        return
    for _ in range(depth):
        assert isinstance(document, list)
        (document,) = document
    assert document == BAD


def test_the_case_of_a_field_makes_no_difference_and_the_last_counts() -> None:
    assert go_decoding.member({"Env": 1}, "env") == 1
    assert go_decoding.member({"env": 1, "ENV": 2}, "env") == 2
    assert go_decoding.member({"ENV": 2, "env": 1}, "env") == 1
    assert go_decoding.member({"other": 2}, "env") is None
