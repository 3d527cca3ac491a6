"""Services that processes of a job reach over a Unix socket."""
