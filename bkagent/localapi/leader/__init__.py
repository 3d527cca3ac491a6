"""The Agent API: one process of the machine leads and answers for all of its agents."""
