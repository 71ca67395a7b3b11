"""Files of clusters: launchers and folders, written and removed."""
