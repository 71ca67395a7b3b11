"""The nodes and the runtime that a spec chooses by name."""
