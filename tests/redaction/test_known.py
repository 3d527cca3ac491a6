"""Secrets that a process knows of, in what it says itself."""

from bkagent.redaction.known import KnownSecrets


def test_each_is_taken_out_wherever_it_stands():
    known = KnownSecrets(["first-secret"])
    known.add('second "secret"')
    known.add("first-secret")
    assert known.scrub('a first-secret, second "secret"; first-secret') == "a [REDACTED], [REDACTED]; [REDACTED]"
    assert known.scrub(r"quoted: second \"secret\"") == "quoted: [REDACTED]"


def test_what_is_short_or_empty_hides_nothing():
    known = KnownSecrets(["", "ab", "abcde"])
    text = "abcde ab"
    assert known.scrub(text) is text
