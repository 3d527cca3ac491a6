"""The Agent API: what agents and the commands of their jobs call, a file per resource."""
