"""Stand-ins for what the program talks to."""
