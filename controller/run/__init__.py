"""The loop of passes, the source it follows, and the long-running controller."""
