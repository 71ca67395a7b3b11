"""The builder: a script that a job of the project runs, and that makes one virtual environment.

On the standard library of Python 3.9 or later alone, like the node program, and carried into the
project the same way: one JSON literal of settings, then these pages, verbatim.
"""
