"""Python environments: the gate before a start, the build, and the clean-up."""
