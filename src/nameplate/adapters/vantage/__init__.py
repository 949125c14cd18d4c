"""Vantages: the DNS as other places see it."""
