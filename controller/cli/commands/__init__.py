"""The commands, one a module: parse, ask, print."""
