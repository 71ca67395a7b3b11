"""Rules about projects: their shared memory, and those that could not be listed."""
