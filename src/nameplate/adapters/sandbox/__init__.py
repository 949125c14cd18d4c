"""Servers inside the process that stand in for the Internet in sandboxes."""
