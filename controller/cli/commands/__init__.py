"""The commands, each a module: parse, ask, print."""
