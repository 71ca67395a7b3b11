"""Ray as the node program runs it: its arguments, its processes, its GCS."""
