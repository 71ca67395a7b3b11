"""The situation of one pass: applications matched to members, their drift, and their past."""
