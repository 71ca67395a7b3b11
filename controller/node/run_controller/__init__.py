"""The keeper: the script that the controller's application runs, which runs `raycml run`.

On the standard library of Python 3.9 or later alone, like the node program, and carried into the
project the same way: one JSON literal of settings, then these pages, verbatim.
"""
