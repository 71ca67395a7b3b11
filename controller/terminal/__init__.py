"""Everything that a command needs to talk to a person."""
