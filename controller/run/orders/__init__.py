"""Orders of people: pauses, approvals, deletions, adoptions, and who carries them out."""
