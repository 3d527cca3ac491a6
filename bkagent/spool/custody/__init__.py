"""Custody of spool entries: which session took a job, whether an entry is really that job's, and where others go."""
