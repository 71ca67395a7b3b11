"""Input and output of commands: options, messages, progress, errors."""
