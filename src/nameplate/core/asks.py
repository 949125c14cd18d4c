"""How a proxy's question ends whether a certificate may be obtained for a host."""

from enum import StrEnum


class AskOutcome(StrEnum):
    """What `/edge/ask` has answered, and why."""

    ALLOWED = "allowed"
    """The host is bound, and a certificate may be obtained for it."""
    UNKNOWN = "unknown"
    """Nobody has bound exactly this host."""
    RECURSIVE = "recursive"
    """Its first label stands twice in a row, as in `www.www.example.com`: somebody makes names up."""
    MALFORMED = "malformed"
    """It is no host name, or the question names none."""
    UNSECURED = "unsecured"
    """The host is bound without HTTPS."""
    BUDGET_SPENT = "budget_spent"
    """The authority would refuse an order now, and no certificate of the host works."""
    FLOODED = "flooded"
    """Unknown, and too many unknown names below this suffix, or from this source, were asked for lately."""
    STALE = "stale"
    """The database has been away for too long to tell."""
    FORBIDDEN = "forbidden"
    """The question came without the edge secret."""
