"""Bindings, applications and servers: what the proxies serve."""
