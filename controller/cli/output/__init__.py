"""Output that belongs to single commands."""
