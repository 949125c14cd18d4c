"""Asking the DNS without trusting caches, or the addresses that strangers publish."""
