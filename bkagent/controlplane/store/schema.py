"""Every table of the store, in an order in which each refers only to earlier ones."""

from bkagent.controlplane.store import (
    agents,
    annotations,
    artifacts,
    builds,
    chunks,
    jobs,
    meta_data,
    pipelines,
    steps,
    uploads,
)

SCHEMA = (
    *pipelines.SCHEMA,
    *builds.SCHEMA,
    *meta_data.SCHEMA,
    *uploads.SCHEMA,
    *steps.SCHEMA,
    *agents.SCHEMA,
    *jobs.SCHEMA,
    *chunks.SCHEMA,
    *artifacts.SCHEMA,
    *annotations.SCHEMA,
)
# What leads from each version of the tables to the next, from version 1 on.
UPGRADES = (
    (
        "ALTER TABLE agents ADD COLUMN creator TEXT NOT NULL DEFAULT '{}'",
        "ALTER TABLE pipelines ADD COLUMN configuration TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE pipelines ADD COLUMN archived_at REAL",
        "ALTER TABLE pipelines ADD COLUMN settings TEXT NOT NULL DEFAULT '{}'",
    ),
    (
        "CREATE INDEX jobs_by_type ON jobs (build_id, type, sequence)",
        "DROP INDEX jobs_by_concurrency_group",
        "DROP INDEX jobs_by_state",
        "CREATE INDEX jobs_by_state ON jobs (state, scheduled_at)",
    ),
)
RECORD_TABLES = (
    pipelines.TABLE, builds.TABLE, uploads.TABLE, steps.TABLE,
    agents.TABLE, jobs.TABLE, artifacts.TABLE, annotations.TABLE,
)  # fmt: skip
