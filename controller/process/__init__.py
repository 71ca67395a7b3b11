"""Process of a command: its environment, identity, background work, signals and end."""
