"""Requests of the controller to a cluster's head, and the head's and a worker's part in them."""
