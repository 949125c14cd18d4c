"""Channels on which processes tell each other at commit that there is news (PostgreSQL)."""

HOSTS = "nameplate_hosts"
"""Channel of changes to what hosts lead to."""
WORK = "nameplate_work"
"""Channel of rows that somebody wants a worker to look at."""
