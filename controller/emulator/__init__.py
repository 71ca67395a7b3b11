"""Emulator of a CML workspace on the local machine.

It speaks the part of the CML API v2 that the product uses, runs each application as real local
processes, and knows nothing of the rest of the
product but the clock, so that it stays an independent witness.
"""
