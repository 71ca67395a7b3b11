"""Script of the controller's application, which runs `raycml run`.

Standard library of Python 3.9 or later only, like the node program, and copied into the project in
the same way: a JSON literal of settings, then these modules, verbatim.
"""
