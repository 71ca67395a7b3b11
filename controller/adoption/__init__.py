"""Adoption of applications into a cluster that a spec declares, and their release."""
