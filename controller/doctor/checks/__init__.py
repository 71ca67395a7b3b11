"""The checks of a check-up, by subject; `checkup` lists them in order."""
