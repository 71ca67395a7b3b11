"""State of the emulator, in memory and on disk."""
