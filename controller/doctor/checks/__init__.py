"""The checks of a check-up, by subject."""
