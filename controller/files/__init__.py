"""The files of a project: records, leases, events, orders, pauses, approvals, head reports.

One port with two implementations: the shared file system for a controller inside the project, CML's
API for a controller outside.  Read `port.py` first.
"""
