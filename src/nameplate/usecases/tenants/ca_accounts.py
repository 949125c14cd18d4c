"""Which account at a certificate authority issues for an organization."""

from collections.abc import Collection, Mapping

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import caa
from nameplate.core.actor import PLATFORM
from nameplate.core.errors import Refused
from nameplate.models import Account, AccountKind


def authority_account(session: Session, organization_id: int) -> Account:
    """Return the account to order with: the organization's own, else the platform's.

    Raises `Refused` with code `ca_account_missing`.
    """
    row: Account | None = session.scalars(_AUTHORITIES, {"organization": organization_id}).first()
    if row is not None:
        return row
    raise Refused(
        "ca_account_missing",
        "There is no account at a certificate authority. The operator must add one with "
        "`nameplate account add --kind ca`.",
    )


def authority_id(session: Session, organization_id: int) -> int | None:
    """Return the id of the account to order with, or None when there is none."""
    try:
        return authority_account(session, organization_id).id
    except Refused:
        return None


def authorities(session: Session) -> Mapping[int | None, int]:
    """Return the account that each organization with one of its own orders with.

    The platform's account, under None, serves all others.
    """
    query = Account.visible(PLATFORM).where(Account.kind == AccountKind.CA)
    newest_first = query.with_only_columns(_OWNER, Account.id).order_by(Account.id.desc())
    return {row[0]: row[1] for row in session.execute(newest_first)}


def providers(session: Session) -> Collection[str]:
    """Return what kinds of authority there are accounts at."""
    query = Account.visible(PLATFORM).where(Account.kind == AccountKind.CA)
    return set(session.scalars(query.with_only_columns(Account.provider)))


_OWNER = Account.organization_id
_AUTHORITIES = (
    Account.visible(PLATFORM)
    .where(Account.kind == AccountKind.CA)
    .where((sa.bindparam("organization") == _OWNER) | _OWNER.is_(None))
    .order_by(_OWNER.is_(None), Account.id)
)
"""Made once: every certificate asks it."""


def issuer_names(session: Session, organization_id: int) -> frozenset[str]:
    """Return the issuer domain names that CAA must allow, none when they are not known.

    An account says them in `config.caa_identities`; of well-known authorities they are known.
    """
    try:
        account = authority_account(session, organization_id)
    except Refused:
        return frozenset()
    named = account.config.get("caa_identities")
    return frozenset(named or caa.identities(account.config.get("directory_url", "")))
