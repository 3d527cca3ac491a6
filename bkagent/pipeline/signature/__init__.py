"""Signatures of command steps: what they cover, how steps are signed, and how a job is held against its step."""
