"""The command line, and the one place where objects are put together.

A command reads specs, builds a session, calls the shell (`reconcile`, `loop`) and shows what came
of it.  No command decides anything about a cluster.
"""
