"""The acceptance test of a workspace: a test cluster, from its creation to its deletion."""
