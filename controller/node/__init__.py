"""Launchers: scripts of applications, and the node program in them.

Only `render` is for the controller.  Every other module is part of the node program: standard
library only, Python 3.9 syntax, copied verbatim, never imported by the controller.
"""
