"""Many certificates that are due at once, for proved domains, without any way there."""

from collections.abc import Sequence
from datetime import UTC, datetime

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

    def insert(session: Session) -> None:
        organization = organizations.add(session, PLATFORM, name="Backlog")
        now = datetime.now(UTC)
        for name in names:
            subdomain, _, base = name.partition(".")
            domain = Domain(organization_id=organization.id, domain_name=base, subdomain=subdomain)
            session.add(domain)
            session.flush()
            session.refresh(domain)
            prove(session, domain, now)
            requests.create(
                session, domain, [name], CertificatePreferences(challenge="http-01"), now
            )

    sessions.run(PLATFORM, insert)


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
