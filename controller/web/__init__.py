"""Web interface of a running controller: status pages, JSON API, metrics and health.

Reads values and never acts by itself: actions of users go to `Orders`.  All output comes from one
`ControllerSnapshot`, so that pages, API and metrics agree.
"""
