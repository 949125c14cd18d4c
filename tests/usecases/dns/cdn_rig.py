"""A domain with proxied records in a zone at Cloudflare, as its worker and its owner see it."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.databases import sessions_over
from tests.fakes.cloudflare import FakeCloudflare
from tests.models import world as rows
from tests.usecases.dns.zone_rig import APEX, Rig, made

from nameplate.adapters.dns.cloudflare import Cloudflare
from nameplate.adapters.vendors.cloudflare import PacedApi
from nameplate.core.actor import PLATFORM
from nameplate.core.cdn import CdnNetworks
from nameplate.core.conditions import Condition
from nameplate.core.lifecycle import BindingStatus, CertificateStatus
from nameplate.core.secret import Secret
from nameplate.models import Account, Binding, Domain, Organization, Server
from nameplate.usecases.claims import cdn_conditions, facts
from nameplate.usecases.dns import records

WWW = f"www.{APEX}"
EDGE = CdnNetworks(("203.0.112.0/24", "2a06:98c0::/29"), datetime(2026, 11, 1, tzinfo=UTC))


@dataclass
class CdnRig:
    """The domain, and Cloudflare."""

    zone: Rig
    fake: FakeCloudflare

    def record(self, label: str = "www", *, proxied: bool = True, last: int = 1) -> Any:
        actor = self.zone.actor
        with self.zone.offline.sessions.begin(actor) as session:
            return records.add(
                session, actor, self.zone.name, type="A", name=label, value=f"192.0.2.{last}",
                ttl=300, proxied=proxied, now=datetime.now(UTC),
            )  # fmt: skip

    def bind(self, host: str = WWW, *, certificate: bool = True, **more: Any) -> tuple[int, int]:
        """Bind an application at a server with nginx; return the ids of binding and server."""
        with self.zone.offline.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, self.zone.domain_id)
            organization = session.get_one(Organization, domain.organization_id)
            app = rows.application(
                session, organization, upstream_host="10.0.0.1", upstream_port=8080, name=host
            )
            server = rows.server(session, None, proxy={"type": "nginx"}, name=f"at {host}")
            given: dict[str, Any] = {"status": BindingStatus.ACTIVE, **more}
            if certificate:
                row = rows.certificate(
                    session, domain, status=CertificateStatus.ACTIVE, common_name=host,
                    subject_alternative_names=[host], certificate_bundle="bundle",
                    serial_number="aa", expires_at=datetime.now(UTC) + timedelta(days=60),
                )  # fmt: skip
                given["ssl_certificate_id"] = row.id
            made_ = rows.binding(
                session, app, domain, hostname=host, server_id=server.id,
                subdomain=host.split(".", 1)[0], **given,
            )  # fmt: skip
            return made_.id, server.id

    def change(self, kind: Any, number: int, **columns: Any) -> None:
        with self.zone.offline.sessions.begin(PLATFORM) as session:
            for name, value in columns.items():
                setattr(session.get_one(kind, number), name, value)

    def told(self) -> Condition | None:
        """Return the condition about the network in front."""
        with self.zone.offline.sessions.begin(PLATFORM) as session:
            domain = session.get_one(Domain, self.zone.domain_id)
            known = facts.read(session, [domain], datetime.now(UTC))[domain.id]
            found = cdn_conditions.conditions(known)
            return found[0] if found else None


@contextmanager
def cdn_rig(url: str) -> Iterator[CdnRig]:
    """Give a rig over an empty database."""
    sessions = sessions_over(url)
    with FakeCloudflare(APEX) as fake:
        zone = made(sessions)
        zone.offline.tools = replace(zone.offline.tools, cdn_networks=lambda _kind: EDGE)
        api = PacedApi(f"{fake.url}/client/v4", Secret("the-right-key"))
        zone.provider_is(Cloudflare(api))
        with sessions.begin(PLATFORM) as session:
            session.query(Account).one().provider = "cloudflare"
        yield CdnRig(zone, fake)
        assert fake.broken == []
    sessions.dispose()


__all__ = ["APEX", "EDGE", "WWW", "Binding", "CdnRig", "Server", "cdn_rig"]
