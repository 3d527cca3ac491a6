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


def test_what_is_held_for_a_while_is_forgotten_with_its_last_holder():
    known = KnownSecrets(["lasting-secret"])
    with known.temporarily() as hide:
        hide("job-token-1")
        with known.temporarily() as hide_too:
            hide_too("job-token-1")
            hide_too("lasting-secret")
            hide_too("ab")
            assert known.scrub("job-token-1 ab") == "[REDACTED] ab"
        assert known.scrub("job-token-1") == "[REDACTED]"
    assert known.scrub("job-token-1, lasting-secret") == "job-token-1, [REDACTED]"
