"""The check-up of a setup: checks, their results, and the support bundle."""
