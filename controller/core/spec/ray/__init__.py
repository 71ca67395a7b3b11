"""Ray's own options, variables and ports: which of them a spec may set, and to which values."""
