"""What a job printed, as lines of safe HTML: a terminal's screen that forgets nothing."""
