"""Pages for people: rendered here, readable without scripts, trusting nothing that a job said."""
