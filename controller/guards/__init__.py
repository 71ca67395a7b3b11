"""Guards: conditions and agreements without which a command changes no cluster (exit code 6)."""
