"""A desired-state controller for Ray clusters on Cloudera AI (CML) applications.

A pass reads the specs, observes the workspace, plans, executes exactly the plan, and reports the
outcome.  Then the next pass starts from scratch.

Read ``reconcile.py`` first; docs/glossary.md defines its terms.
"""

__version__ = "0.1.0"
