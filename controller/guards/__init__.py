"""Safety checks before a command changes a cluster (exit code 6)."""
