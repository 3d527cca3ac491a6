"""How a browser gets a session: links and cookies."""
