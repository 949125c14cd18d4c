"""The control plane for custom domains: claim, prove, point, secure, serve, watch."""

__version__ = "0.1.0"
