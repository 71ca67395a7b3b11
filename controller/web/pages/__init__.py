"""Web pages and their forms."""
