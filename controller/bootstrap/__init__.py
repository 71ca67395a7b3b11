"""Bootstrap: a running controller in a workspace that has none."""
