"""Proof methods: each looks once and says what it saw, in words for whoever must fix it."""
