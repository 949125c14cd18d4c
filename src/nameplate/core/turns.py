"""Whose turn it is: who has to act before something can go on."""

from enum import StrEnum


class Turn(StrEnum):
    """Who has to act next."""

    YOU = "you"
    """Whoever sent the request or owns the domain."""
    OPERATOR = "operator"
    """Whoever runs this installation of Nameplate."""
    PROVIDER = "provider"
    """A DNS provider or DNS host."""
    AUTHORITY = "authority"
    """A certificate authority."""
    NAMEPLATE = "nameplate"
    """Nameplate goes on by itself."""
