"""Implementations of the ports, one client library each; only bootstrap imports them."""
