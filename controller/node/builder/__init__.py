"""The builder: a script that creates a virtual environment, in a job or an application.

Standard library of Python 3.9 or later only, like the node program, and copied into the project in
the same way: a JSON literal of settings, then these modules, verbatim.
"""
