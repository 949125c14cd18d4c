"""Certificates: asked for, obtained, renewed, revoked."""
