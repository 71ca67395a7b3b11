"""The check-up of a setup: facts, the checks that judge them, and the support bundle."""
