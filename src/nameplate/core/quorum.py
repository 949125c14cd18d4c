"""How many vantages must see what is seen here (CA/Browser Forum, Baseline Requirements 3.2.2.9)."""

_FEW = 5


def needed(vantages: int) -> int:
    """Return how many of these must agree: of 2 to 5 one may miss, of 6 and more two."""
    if vantages <= 1:
        return vantages
    return vantages - (1 if vantages <= _FEW else 2)
