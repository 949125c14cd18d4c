"""Registrars: one file each, with `connect(config, credentials, clock)`."""
