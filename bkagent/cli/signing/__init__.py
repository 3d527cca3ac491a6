"""What the commands that sign pipelines, and make keys for that, have in common."""
