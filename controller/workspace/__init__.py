"""The world and the effects of a pass, implemented over CML and the project's files."""
