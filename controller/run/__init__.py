"""Passes over time: the loop, the source that it follows, and the long-running controller."""
