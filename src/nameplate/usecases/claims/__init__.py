"""Claiming names, proving and holding them, and saying where each stands."""
