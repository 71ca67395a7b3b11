"""The only HTTP client of CML (Cloudera AI, REST API v2).

Read `errors.py` first: what can go wrong decides what the controller may do next.  Then
`client.py`, which is the list of things that we ask of CML.
"""
