"""The report on a pass: conditions, status, events, and their text and JSON."""
