"""The spec: everything that a person writes, checked field by field and as a whole."""
