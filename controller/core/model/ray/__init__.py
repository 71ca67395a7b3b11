"""Ray as a cluster's head reports it, and requests to the head."""
