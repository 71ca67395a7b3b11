"""Launchers: the scripts that applications run, and the node program that they carry.

Only `render` is for the controller.  Every other page is part of the node program: the standard
library alone, syntax of Python 3.9, carried verbatim, never imported by the controller.
"""
