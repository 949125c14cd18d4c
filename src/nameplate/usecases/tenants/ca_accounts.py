"""Which accounts at certificate authorities may issue for an organization, in which order.

An organization with accounts of its own is served by these, any other by the platform's. The first in
the order of `priority` is preferred; the others stand in for it, except those that browsers reject.
"""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import authorities as known
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.models import Account, AccountKind


def authority_accounts(session: Session, organization_id: int) -> Sequence[Account]:
    """Return the accounts to order with, the preferred one first: there is one at least.

    Raises `Refused` with code `ca_account_missing`.
    """
    rows = session.scalars(_AUTHORITIES, {"organization": organization_id}).all()
    if not rows:
        raise Refused(
            "ca_account_missing",
            "There is no account at a certificate authority. The operator must add one with "
            "`nameplate account add --kind ca`.",
        )
    first = rows[0]
    return [
        first,
        *(
            row
            for row in rows[1:]
            if row.organization_id == first.organization_id
            and known.is_trusted(row.provider, row.config)
        ),
    ]


def authority_account(session: Session, organization_id: int) -> Account:
    """Return the preferred one of these."""
    return authority_accounts(session, organization_id)[0]


def authority_id(session: Session, organization_id: int) -> int | None:
    """Return the id of the preferred account, or None when there is none."""
    try:
        return authority_account(session, organization_id).id
    except Refused:
        return None


def authorities(session: Session) -> Mapping[int | None, int]:
    """Return the preferred account of each organization with one of its own.

    The platform's account, under None, serves all others.
    """
    query = Account.visible(PLATFORM).where(Account.kind == AccountKind.CA)
    preferred_last = query.with_only_columns(_OWNER, Account.id).order_by(
        Account.priority.desc(), Account.id.desc()
    )
    return {row[0]: row[1] for row in session.execute(preferred_last)}


def providers(session: Session) -> Collection[str]:
    """Return what kinds of authority there are accounts at."""
    query = Account.visible(PLATFORM).where(Account.kind == AccountKind.CA)
    return set(session.scalars(query.with_only_columns(Account.provider)))


_OWNER = Account.organization_id
_AUTHORITIES = (
    Account.visible(PLATFORM)
    .where(Account.kind == AccountKind.CA)
    .where((sa.bindparam("organization") == _OWNER) | _OWNER.is_(None))
    .order_by(_OWNER.is_(None), Account.priority, Account.id)
)
"""Made once: every certificate asks it."""


def issuer_names(session: Session, organization_id: int) -> frozenset[str]:
    """Return the issuer domain names of which CAA must allow one, none when they are not known.

    An account says them in `config.caa_identities`; of well-known authorities they are known.
    """
    try:
        accounts = authority_accounts(session, organization_id)
    except Refused:
        return frozenset()
    named = [known.caa_identities(one.provider, one.config) for one in accounts]
    return frozenset(issuer for one in named for issuer in one) if all(named) else frozenset()
