"""Zones that are served by the platform's own name servers."""
