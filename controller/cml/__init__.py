"""The only HTTP client of CML (Cloudera AI, REST API v2).

Read `errors.py` first: the kind of an error decides what the controller may do next.  Then
`client.py`, the list of calls.
"""
