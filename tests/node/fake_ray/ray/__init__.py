"""Stands for Ray at the outer edge: enough of `ray start` to behave as Ray 2.60 was measured."""
