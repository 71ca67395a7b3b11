"""Operators' orders: pauses, approvals, deletions and adoptions, and their execution."""
