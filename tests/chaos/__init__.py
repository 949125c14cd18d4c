"""Campaigns against the background work: crashes, pauses, a hostile authority."""
