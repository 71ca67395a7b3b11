"""The pure part of raycml: values in, values out.

Nothing here reads a file, a clock, the environment or a random number, and nothing logs, so that
every decision can be repeated from its inputs.
"""
