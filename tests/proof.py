"""Proved domains for tests that are not about proving."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.models import Domain
from nameplate.usecases.claims import holdings, lent_holdings


def prove(session: Session, domain: Domain, now: datetime, *, subtree: bool = True) -> None:
    """Let the domain's organization hold its name, as a proof by DNS (or of the name alone) does."""
    lent_holdings.make_way(session, domain, now)
    holdings.take(session, domain, subtree=subtree, now=now)
    domain.verify(now, now + timedelta(days=30))
