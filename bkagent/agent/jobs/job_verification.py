"""Whether the signature of a job allows it to run here, and what its log says of that."""

from typing import Any, Mapping, Tuple

from bkagent.agent.settings import JobSettings
from bkagent.config.options import agent_signing
from bkagent.named_tuple import NamedTuple
from bkagent.wire import shown_text
from bkagent.wire.accepted_job import AcceptedJob
from bkagent.wire.log_events import EventReport

_VERIFIED = "~~~ ✅ Job signature verified"
_FAILED = "+++ ⛔ Job signature verification failed"
_UNVERIFIED = "+++ ⚠️ Job signature verification failed"
# The log shows no more of a signature; the longest of a valid one is that of RSA with 8,192 bits.
_MOST_SHOWN = 2000
# A problem may name what the signature says it covers, and that is text of others, of any length.
_LONGEST_PROBLEM = 300


class JobVerification(NamedTuple):
    """lines for the log; why the job cannot be trusted, "" if it can; and whether that keeps it from running."""

    lines: Tuple[str, ...] = ()
    problem: str = ""
    is_refused: bool = False


def verify(job: AcceptedJob, settings: JobSettings, report: EventReport) -> JobVerification:
    """Verify the signature of a job by the keys of the agent."""
    signature, keys = job.step.get("signature"), settings.verification_keys
    runs_unverified = settings[agent_signing.VERIFICATION_FAILURE_BEHAVIOR] == "warn"
    if keys is None:
        if signature is None:
            return JobVerification()
        problem = "cannot verify signature. JWK for pipeline verification is not configured"
        return JobVerification((_FAILED, f"error: {problem}"), problem, not runs_unverified)
    if signature is None:
        problem, shown = "job had no signature to verify", "no signature in job"
    else:
        problem, shown = _problem(job, settings, report), f"signature: {_shown_value(signature)}"
    if not problem:
        return JobVerification((_VERIFIED, shown))
    if runs_unverified:
        lines = (_UNVERIFIED, f"error: {problem}", shown, "Job will be run without verification")
        return JobVerification(lines, problem)
    return JobVerification((_FAILED, f"error: {problem}", shown), problem, True)


def _problem(job: AcceptedJob, settings: JobSettings, report: EventReport) -> str:
    """Return why a signature does not hold, "" if it does."""

    def show(text: str) -> None:
        if settings[agent_signing.DEBUG_SIGNING]:
            import hashlib

            digest = hashlib.sha256(text.encode("utf-8")).hexdigest()
            report("debug", f"Signed Step: {text} checksum: {digest}", "job.verifying")

    # Loaded here: most agents verify nothing.
    from bkagent.jose.algorithms import SecretKey
    from bkagent.jose.errors import InvalidSignature
    from bkagent.pipeline.signature.verify import verify_job

    keys = settings.verification_keys or ()
    for key in keys:
        if not isinstance(key.key, SecretKey):
            report("debug", f"Public Key Thumbprint (sha256): {key.thumbprint}", "job.verifying")
    try:
        verify_job(job.step, job.env, job.matrix_permutation, keys, show)
    except InvalidSignature as problem:
        return f"invalid signature: {_line(str(problem), _LONGEST_PROBLEM)}"
    return ""


def _shown_value(signature: Any) -> str:
    value = signature.get("value") if isinstance(signature, Mapping) else None
    return _line(value if isinstance(value, str) else "", _MOST_SHOWN)


def _line(text: str, most: int) -> str:
    """Return so many characters of a text, in one line."""
    return shown_text.one_line(text[:most]) + ("…" if len(text) > most else "")
