"""Reverse proxies: nginx by files, Caddy by its admin API, one in memory, and the probe."""
