"""The decisions, one rule a module, each module named after its rule."""
