"""The files of a project: launchers, head reports, pauses.

One port, two ways in: the shared file system for a controller inside the project, the API for one
outside.  Read `port.py` first.
"""
