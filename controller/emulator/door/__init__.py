"""The front door of the embedded CML: hosts, sign-in, pages, WebSockets."""
