"""A proved domain whose owner brings certificates, and a binding that a worker brings forward."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from tests.core.pki import Party, Pki
from tests.models import world as rows
from tests.proof import prove
from tests.usecases.certificates.certificate_rig import NAME, Rig, made

from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NameplateError
from nameplate.core.uploads import Material
from nameplate.models import Binding, Certificate, Domain, Event, Organization
from nameplate.usecases.certificates import issuance, uploads
from nameplate.usecases.serving import arrivals

DAY = timedelta(days=1)
PKI = Pki()


@dataclass
class Uploads:
    """What its owner does, and what workers do with it."""

    rig: Rig

    def __post_init__(self) -> None:
        offline = self.rig.offline
        offline.tools = replace(offline.tools, roots=lambda: PKI.roots)

    @property
    def sessions(self) -> Any:
        return self.rig.offline.sessions

    def material(self, party: Party) -> Material:
        return Material(PKI.chain(party), party.secret)

    def upload(self, *names: str, actor: Actor | None = None, **options: Any) -> Certificate:
        given = {key: options.pop(key) for key in ("domain", "dry_run") if key in options}
        party = PKI.leaf(*(names or (NAME,)), **options)
        return self.take(party, actor=actor, **given)

    def take(self, party: Party, *, actor: Actor | None = None, **given: Any) -> Certificate:
        tools, material = self.rig.offline.tools, self.material(party)
        return uploads.upload(self.sessions, tools, actor or self.rig.actor, material, **given)

    def replace(self, row: Certificate, party: Party, actor: Actor | None = None) -> Certificate:
        reference = ids.show("crt", row.id)
        return uploads.replace(
            self.sessions, self.rig.offline.tools, actor or self.rig.actor, reference, self.material(party)
        )  # fmt: skip

    def read(self, kind: Any, row_id: int) -> Any:
        with self.sessions.begin(PLATFORM) as session:
            return session.get_one(kind, row_id)

    def all(self) -> list[Certificate]:
        with self.sessions.begin(PLATFORM) as session:
            query = Certificate.visible(PLATFORM).order_by(Certificate.id)
            return list(session.scalars(query))

    def bind(self, host: str = NAME, domain_id: int = 0) -> int:
        """Bind a host, and return the binding's id."""
        with self.sessions.begin(PLATFORM) as session:
            owner = session.get_one(Organization, self.rig.actor.organization_id)
            domain = session.get_one(Domain, domain_id or self.rig.domain_id)
            machine = rows.server(session, None, address="192.0.2.1", proxy={"type": "caddy"})
            app = rows.application(session, owner, upstream_host="10.0.0.1", upstream_port=80)
            return rows.binding(
                session, app, domain, hostname=host, subdomain=None, server_id=machine.id
            ).id

    def domain(self, name: str, actor: Actor | None = None, **proof: Any) -> int:
        """Claim and prove another domain."""
        with self.sessions.begin(PLATFORM) as session:
            owner = session.get_one(Organization, (actor or self.rig.actor).organization_id)
            row = rows.domain(session, owner, name)
            prove(session, row, datetime.now(UTC), **proof)
            return row.id

    def served(self, binding_id: int, after: timedelta = timedelta(0)) -> Certificate | None:
        """Have a worker look at a binding, and return the certificate that it presents."""
        lease = self.rig.offline.leased(Binding, binding_id, after=after)
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(Binding, binding_id)
            arrivals.advance(session, [(lease, row)])
            row.lease_until = None
        row = self.read(Binding, binding_id)
        found = row.ssl_certificate_id
        return None if found is None else self.read(Certificate, found)

    def work(self, certificate_id: int, after: timedelta = timedelta(0)) -> Certificate:
        """Have a worker look at a certificate."""
        lease = self.rig.offline.leased(Certificate, certificate_id, after=after)
        issuance.reconcile(self.sessions, self.rig.offline.tools, lease)
        found: Certificate = self.read(Certificate, certificate_id)
        return found

    def events(self, type_: str) -> list[Any]:
        with self.sessions.begin(PLATFORM) as session:
            query = sa.select(Event).where(Event.type == type_).order_by(Event.id)
            return list(session.scalars(query))


def uploading(sessions: Any) -> Uploads:
    """Return a rig without any certificate yet."""
    rig = made(sessions)
    rig.change(Certificate, rig.certificate_id, deleted_at=datetime.now(UTC))
    return Uploads(rig)


def code(act: Any, *given: Any, **named: Any) -> str:
    """Return the code with which something is refused."""
    try:
        act(*given, **named)
    except NameplateError as error:
        return error.code
    return ""
