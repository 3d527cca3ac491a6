"""A job's output as lines of safe HTML: a terminal's screen that forgets nothing."""
