"""Pods of the emulator: applications and runs of jobs as processes."""
