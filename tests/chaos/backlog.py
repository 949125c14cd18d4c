"""Many certificates that are due at once, for proved domains, without any way there."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import keys
from nameplate.core.actor import PLATFORM
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.lifecycle import CertificateStatus
from nameplate.db import Sessions
from nameplate.models import Account, Certificate, Domain
from nameplate.usecases.certificates import requests
from nameplate.usecases.tenants import accounts, organizations
from nameplate.usecases.tools import Tools
from tests.proof import prove

_TOGETHER = 100
"""Names that are added in one transaction: what a flush costs grows with what the session holds."""


def authority(
    session: Session,
    tools: Tools,
    directory_url: str,
    ca_bundle: str | None,
    key: str | None = None,
) -> Account:
    """Add the platform's account at an ACME server."""
    return accounts.add(
        session,
        PLATFORM,
        tools,
        kind="ca",
        provider="acme",
        name="ca",
        config={
            "directory_url": directory_url,
            **({} if ca_bundle is None else {"ca_bundle": ca_bundle}),
        },
        credentials={"account_key": key or keys.new_key().reveal()},
    )


def add(sessions: Sessions, names: Sequence[str]) -> None:
    """Add an organization that holds all `names` (below one registrable domain each), certificates due."""

    def owner(session: Session) -> int:
        return organizations.add(session, PLATFORM, name="Backlog").id

    organization_id = sessions.run(PLATFORM, owner)
    for start in range(0, len(names), _TOGETHER):
        some = names[start : start + _TOGETHER]
        sessions.run(PLATFORM, partial(_insert, organization_id=organization_id, names=some))


def _insert(session: Session, organization_id: int, names: Sequence[str]) -> None:
    now = datetime.now(UTC)
    for name in names:
        subdomain, _, base = name.partition(".")
        domain = Domain(organization_id=organization_id, domain_name=base, subdomain=subdomain)
        session.add(domain)
        session.flush()
        session.refresh(domain)
        prove(session, domain, now)
        requests.create(session, domain, [name], CertificatePreferences(challenge="http-01"), now)


def add_below(sessions: Sessions, base: str, names: Sequence[str]) -> None:
    """Add an organization that holds `base` with all below it, and due certificates of names there."""

    def holder(session: Session) -> int:
        owner = organizations.add(session, PLATFORM, name="Subtree")
        domain = Domain(organization_id=owner.id, domain_name=base)
        session.add(domain)
        session.flush()
        session.refresh(domain)
        prove(session, domain, datetime.now(UTC), subtree=True)
        return domain.id

    def insert(session: Session, domain_id: int, some: Sequence[str]) -> None:
        domain, now = session.get_one(Domain, domain_id), datetime.now(UTC)
        for name in some:
            requests.create(
                session, domain, [name], CertificatePreferences(challenge="http-01"), now
            )

    domain_id = sessions.run(PLATFORM, holder)
    for start in range(0, len(names), _TOGETHER):
        some = names[start : start + _TOGETHER]
        sessions.run(PLATFORM, partial(insert, domain_id=domain_id, some=some))


def states(sessions: Sessions) -> dict[str, int]:
    """Return how many certificates are in each status."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        rows = session.execute(
            sa.select(Certificate.status, sa.func.count()).group_by(Certificate.status)
        )
        return {status.value: count for status, count in rows}


def begun(sessions: Sessions) -> bool:
    """Tell whether a worker has taken any certificate."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        return session.scalar(sa.select(sa.exists().where(Certificate.fence > 0))) is True


def waiting(sessions: Sessions) -> int:
    """Return how many orders have been told of their proofs, while no worker is at them."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        rows = session.scalars(
            sa.select(Certificate.acme_challenge_data).where(
                Certificate.acme_order_url.is_not(None), Certificate.lease_until.is_(None)
            )
        )
        return sum(bool(data and data.responded) for data in rows)


def told(sessions: Sessions) -> int:
    """Return how many orders wait for an authority that was told of their proofs."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        rows = session.scalar(
            sa.select(sa.func.count())
            .select_from(Certificate)
            .where(
                Certificate.acme_order_url.is_not(None),
                Certificate.status != CertificateStatus.ACTIVE,
                Certificate.fence > 0,
            )
        )
        return rows or 0
