"""What a running controller shows: status page, JSON API, metrics and health.

Reads values and never acts by itself: what a person orders goes to `Orders`.  Everything that is
shown comes from one `Board`, so that the page, the API and the metrics cannot disagree.
"""
