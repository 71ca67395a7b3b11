"""YAML text to specs and problems."""
