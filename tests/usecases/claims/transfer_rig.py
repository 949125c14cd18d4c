"""Transfers between organizations, as both sides make them."""

import sqlalchemy as sa
from tests.models import world as rows
from tests.usecases.claims.contest_rig import Contests

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.models import (
    Domain,
    NameTransfer,
    Organization,
    Server,
)
from nameplate.usecases.claims import acceptances, transfers
from nameplate.usecases.claims.acceptances import Acceptance
from nameplate.usecases.claims.transfers import TransferOffer

NAME = "example-red.com"


def reference(actor: Actor) -> str:
    return ids.show("org", actor.organization_id or 0)


def offered(world: Contests, holder: Actor, to: Actor, name: str = NAME, **terms: object) -> str:
    given = TransferOffer(name, reference(to), **terms)  # type: ignore[arg-type]  # fields of TransferOffer
    return ids.show("xfr", transfers.offer(world.sessions, holder, given).id)


def accepted(world: Contests, actor: Actor, transfer: str, app: str | None = None) -> NameTransfer:
    terms = Acceptance(application=app)
    return acceptances.accept(world.sessions, world.tools, actor, transfer, terms)


def application(world: Contests, actor: Actor) -> str:
    with world.sessions.begin(PLATFORM) as session:
        owner = session.get_one(Organization, actor.organization_id)
        made = rows.application(session, owner, upstream_host="127.0.0.1", upstream_port=9000)
        return ids.show("app", made.id)


def served_by_a_proxy(world: Contests) -> None:
    with world.sessions.begin(PLATFORM) as session:
        server = session.scalars(sa.select(Server)).first() or rows.server(session, None)
        server.proxy = {"type": "nginx"}


def of(world: Contests, actor: Actor, name: str = NAME) -> Domain:
    with world.sessions.begin(PLATFORM) as session:
        query = Domain.visible(actor).where(Domain.full_domain == name)
        found: Domain = session.scalars(query).one()
        return found
