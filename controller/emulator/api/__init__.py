"""The REST API of the embedded CML: routes, bodies, checks, errors."""
