"""REST API of the emulator: routes, bodies, checks, errors."""
