"""World and Effects of a pass, implemented over CML and the project's files."""
