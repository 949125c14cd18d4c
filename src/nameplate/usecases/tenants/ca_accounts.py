"""Which accounts at certificate authorities may issue for an organization, in which order.

An organization with accounts of its own is served by these, any other by the platform's. The first in
the order of `priority` is preferred; the others stand in for it, except those that browsers reject.
"""

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import authorities as known
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Refused
from nameplate.core.ids import Prefix
from nameplate.models import Account, AccountKind
from nameplate.usecases import lookup


def named(
    session: Session, actor: Actor, organization_id: int, given: Sequence[str] | None
) -> str | None:
    """Return names of accounts as they are kept. Raises `NotFound` for one that may not issue.

    An organization names its own; the platform may name one of its own as well.
    """
    if not given:
        return None
    mine = Account.visible(actor).where(
        Account.kind == AccountKind.CA,
        Account.organization_id.is_(None) | (Account.organization_id == organization_id),
    )
    found = set(session.scalars(mine.with_only_columns(Account.name)))
    for name in given:
        if name not in found:
            raise lookup.missing(Prefix.ACCOUNT)
    return "\n".join(dict.fromkeys(given))


def authority_accounts(
    session: Session, organization_id: int, preferred: str | None = None
) -> Sequence[Account]:
    """Return the accounts to order with, the preferred one first: there is one at least.

    `preferred` are names of accounts, one on each line; while there is one of them, no other is asked.
    Raises `Refused` with code `ca_account_missing`.
    """
    rows = session.scalars(_AUTHORITIES, {"organization": organization_id}).all()
    if preferred is not None:
        by_name = {row.name: row for row in reversed(rows)}
        named = [by_name[name] for name in preferred.splitlines() if name in by_name]
        if named:
            return named
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


def authority_account(
    session: Session, organization_id: int, preferred: str | None = None
) -> Account:
    """Return the preferred one of these."""
    return authority_accounts(session, organization_id, preferred)[0]


def authority_id(
    session: Session, organization_id: int, preferred: str | None = None
) -> int | None:
    """Return the id of the preferred account, or None when there is none."""
    try:
        return authority_account(session, organization_id, preferred).id
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
