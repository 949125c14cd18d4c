"""What an installation lacks before it can do its work, for `nameplate doctor` and at a start."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.addresses import is_address
from nameplate.db import database_now
from nameplate.models import (
    Account,
    AccountKind,
    Binding,
    Certificate,
    Domain,
    Organization,
    Record,
    Server,
    Verification,
)
from nameplate.models.accounts import LEFT_ALONE
from nameplate.models.orm import Work
from nameplate.ports.resolver import Resolver

LATE = timedelta(minutes=5)
"""How long work may be due before it is said that nobody does it."""
_SERVERS = 20
"""Servers whose addresses are looked up."""
_COUNTED = 1_000
"""Overdue rows of one kind; more say no more."""
_ROOT_SERVER = "a.root-servers.net"
_WORK: Sequence[type[Work]] = (Domain, Verification, Record, Certificate, Binding, Server)


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    subject: str
    """Such as `database` or `resolver`."""
    ok: bool
    message: str
    fix: str = ""
    """What to do; empty when there is nothing to do."""


def of_rows(session: Session) -> list[Finding]:
    """Return what the rows say: whether there is what every installation needs, and who works."""
    found = [_authorities(session), _servers(session), _organizations(session), _workers(session)]
    return [*found, *_outages(session)]


def of_names(session: Session, resolver: Resolver) -> list[Finding]:
    """Return whether the resolver answers, and whether the addresses of servers resolve."""
    if not resolver.addresses(_ROOT_SERVER):
        return [
            Finding(
                "resolver",
                ok=False,
                message=f"The resolver does not answer for {_ROOT_SERVER}.",
                fix="Set NAMEPLATE_DNS_RECURSOR to the `address:port` of a resolver that answers.",
            )
        ]
    query = sa.select(Server.name, Server.address).where(Server.deleted_at.is_(None))
    lost = [
        Finding(
            "server",
            ok=False,
            message=f"The address {host} of server {name} does not resolve.",
            fix=f"Publish A or AAAA records for {host}, or correct the address of the server.",
        )
        for name, host in session.execute(query.order_by(Server.id).limit(_SERVERS))
        if not is_address(host) and not resolver.addresses(host)
    ]
    return [Finding("resolver", ok=True, message="The resolver answers."), *lost]


def _authorities(session: Session) -> Finding:
    if _any(session, Account.kind == AccountKind.CA, Account.deleted_at.is_(None)):
        message = "There is an account at a certificate authority."
        return Finding("authority", ok=True, message=message)
    return Finding(
        "authority",
        ok=False,
        message="There is no account at a certificate authority: no certificate can be obtained.",
        fix="Add one with `nameplate account add NAME --kind ca --provider letsencrypt`.",
    )


def _outages(session: Session) -> list[Finding]:
    """Say which authorities are left alone as they failed several times in a row."""
    query = sa.select(Account.name, Account.outage_failures).where(
        Account.kind == AccountKind.CA,
        Account.deleted_at.is_(None),
        Account.outage_failures >= LEFT_ALONE,
    )
    return [
        Finding(
            "authority",
            ok=False,
            message=f"The authority of account {name} has failed {failures} times in a row by its own "
            "fault.",
            fix=f"Check it with `nameplate account test {name}`. Nameplate also tries it again by itself.",
        )
        for name, failures in session.execute(query.order_by(Account.id))
    ]


def _servers(session: Session) -> Finding:
    if _any(session, Server.proxy.is_not(None), Server.deleted_at.is_(None)):
        return Finding("server", ok=True, message="There is a server with a proxy.")
    return Finding(
        "server",
        ok=False,
        message="There is no server with a proxy: no host can be served.",
        fix="Add one with `nameplate server add NAME --address HOST --proxy "
        '\'{"type": "nginx"}\'`.',
    )


def _organizations(session: Session) -> Finding:
    if _any(session, Organization.deleted_at.is_(None)):
        return Finding("organization", ok=True, message="There is an organization.")
    return Finding(
        "organization",
        ok=False,
        message="There is no organization: no domain can be claimed.",
        fix="Add one with `nameplate organization add NAME`.",
    )


def _workers(session: Session) -> Finding:
    """Tell from what is overdue whether anybody does background work."""
    since = database_now(session) - LATE
    late = 0
    for kind in _WORK:
        overdue = sa.select(sa.literal(1)).where(kind.next_action_at <= since)
        some = overdue.where(kind.lease_until.is_(None)).limit(_COUNTED).subquery()
        late += session.scalar(sa.select(sa.func.count()).select_from(some)) or 0
    if not late:
        return Finding("worker", ok=True, message="No background work is overdue.")
    return Finding(
        "worker",
        ok=False,
        message=f"{late} objects have waited for a worker for more than "
        f"{LATE // timedelta(minutes=1)} minutes.",
        fix="Run `nameplate serve` or `nameplate worker`.",
    )


def _any(session: Session, *where: sa.ColumnElement[bool]) -> bool:
    return bool(session.scalar(sa.select(sa.exists().where(*where))))
