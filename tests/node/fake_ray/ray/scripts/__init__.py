"""Where the command line lives in Ray too."""
