"""Keeps Ray clusters converged on Cloudera AI applications.

Read what people want, look at what exists, decide without touching anything, do exactly what was
decided, say what came of it.  Then do it again, for ever, from scratch.

The page to read first is ``reconcile.py``; the words it uses are defined in docs/glossary.md.
"""

__version__ = "0.1.0"
