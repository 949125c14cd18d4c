"""The only package that speaks HTTP: a client for trusted APIs and a fetcher for hostile sites."""
