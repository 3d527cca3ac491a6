"""The hosted service's GraphQL API: its client, and a pipeline's settings through it."""
