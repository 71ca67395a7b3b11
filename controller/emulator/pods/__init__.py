"""The pods of the embedded CML: applications and runs of jobs as processes."""
