"""Adoption of existing applications into a cluster that a spec declares, and their release."""
