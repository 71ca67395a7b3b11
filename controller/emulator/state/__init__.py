"""The state of the embedded CML, in memory and on disk."""
