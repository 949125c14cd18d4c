"""What a binding needs before it can be seen: proof, application, certificate, proxy.

The bindings of one transaction are brought forward together: what they hang on is read in a few
statements, however many there are.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core.actor import PLATFORM
from nameplate.core.certificate_preferences import CertificatePreferences
from nameplate.core.errors import Conflict
from nameplate.core.holdings import Holding, most_specific
from nameplate.core.lifecycle import BindingStatus, DomainStatus
from nameplate.leases import Lease
from nameplate.models import (
    Application,
    Binding,
    Certificate,
    Domain,
    Organization,
    Server,
)
from nameplate.models.orm import among
from nameplate.models.reconfiguration import wake_server
from nameplate.usecases import holders, placements
from nameplate.usecases.certificates import coverage, requests, succession
from nameplate.usecases.placements import MemberServer
from nameplate.usecases.serving import (
    departures,
    hosted,
    planned_looks,
    proxies,
    redirects,
    routes,
    targets,
)
from nameplate.usecases.serving.planned_looks import SAFETY, PlannedProbe, ServingServer
from nameplate.usecases.tools import Tools

UNPLACED = "The binding is on no server and no server group. Move it to one."
UNPROVED = "Waiting for proof of ownership of the domain."


@dataclass(slots=True)
class _Around:
    """What the bindings of one transaction hang on, by ids."""

    domains: dict[int, Domain]
    applications: dict[int, Application]
    organizations: dict[int, Organization]
    servers: dict[int, Server]
    placed: Mapping[int, Sequence[MemberServer]]
    """The servers of the groups that bindings are on."""
    holdings: Sequence[Holding]
    presented: dict[int, Certificate]
    certificates: dict[int, list[Certificate]]
    """Those that name hosts of the bindings, of each domain."""
    active: dict[int, set[int]]
    """The active bindings of each domain."""
    lent: set[str]
    """Wildcards that would answer for what their organizations lend."""
    astray: set[int] = field(default_factory=set)
    """Bindings that redirect to what is not served."""
    unused: set[int] = field(default_factory=set)
    """Certificates that are to look whether a binding uses them."""
    sharing: set[int] = field(default_factory=set)
    """Bindings whose route has several targets."""
    tools: Tools | None = None


def advance(
    session: Session, leased: Sequence[tuple[Lease, Binding]], *, tools: Tools | None = None
) -> list[Sequence[PlannedProbe]]:
    """Take with each binding the one step that can be taken now; return the probes that are due.

    They are one for each server that serves the binding.
    """
    around = _read(session, [row for _, row in leased])
    around.tools = tools
    looks = [_advance(session, around, row, lease) for lease, row in leased]
    if around.unused:
        _wake_certificates(session, around.unused, leased[0][0].now())
    return looks


def _read(session: Session, rows: Sequence[Binding]) -> _Around:
    wild = sorted({row.organization_id for row in rows if row.hostname.startswith("*.")})
    domains = by_id(session, Domain, (row.organization_domain_id for row in rows))
    live = {one.id for one in domains.values() if one.is_live}
    certificates = coverage.of_bindings(
        session, (row for row in rows if row.ssl_enabled and row.organization_domain_id in live)
    )
    known = {one.id: one for of_domain in certificates.values() for one in of_domain}
    presented = {row.ssl_certificate_id for row in rows} - known.keys()
    return _Around(
        domains=domains,
        applications=by_id(session, Application, (row.application_id for row in rows)),
        organizations=by_id(session, Organization, (row.organization_id for row in rows)),
        servers=by_id(session, Server, (row.server_id for row in rows)),
        placed=placements.of_groups(session, rows),
        holdings=holders.held(session, (row.hostname for row in rows)) if live else (),
        presented=known | by_id(session, Certificate, presented),
        certificates=certificates,
        active=_active(session, domains.values()),
        lent=holders.lent_below(session, wild) if wild else set(),
        astray=redirects.astray(session, rows),
        sharing=targets.sharing(session, rows),
    )


def by_id(session: Session, kind: Any, ids: Iterable[int | None]) -> dict[int, Any]:  # noqa: ANN401 - a mapped class
    """Return the rows of a kind with these ids, in one statement."""
    wanted = sorted({one for one in ids if one is not None})
    if not wanted:
        return {}
    return {row.id: row for row in session.scalars(_by_id(kind), {"ids": wanted})}


@cache
def _by_id(kind: Any) -> sa.Select[Any]:  # noqa: ANN401 - as above
    return sa.select(kind).where(among(kind.id, "ids"))


def _active(session: Session, domains: Iterable[Domain]) -> dict[int, set[int]]:
    """Return the active bindings of the active domains: the last one's end deactivates its domain."""
    found: dict[int, set[int]] = {
        one.id: set() for one in domains if one.status is DomainStatus.ACTIVE
    }
    if found:
        query = Binding.visible(PLATFORM).where(
            Binding.organization_domain_id.in_(found), Binding.status == BindingStatus.ACTIVE
        )
        columns = query.with_only_columns(Binding.organization_domain_id, Binding.id)
        for domain, binding in session.execute(columns):
            found[domain].add(binding)
    return found


def _advance(
    session: Session, around: _Around, row: Binding, lease: Lease
) -> Sequence[PlannedProbe]:
    now = lease.now()
    obstacle = _obstacle(around, row)
    if obstacle is not None:
        row.next_action_at = None
        _stop(session, around, row, obstacle)
        if row.id in around.astray and row.deleted_at is None:
            row.next_action_at = now + SAFETY  # what it redirects to may come back without a word
        return ()
    places = _places(around, row)
    if not places:
        row.next_action_at = None
        row.fail(_unplaced(row))
        return ()
    for place in places:
        if place.server.configured_at is None:
            # Also for the certificate: an http-01 proof is asked for through this very proxy.
            wake_server(session, place.server.id, patiently=True)
    if not _is_secured(session, around, row, places[0].server, now):
        row.next_action_at = (
            None  # not before: with a new certificate all that is pending is written
        )
        return ()
    if row.status in {BindingStatus.PENDING, BindingStatus.ERROR}:
        _configure(around, row, places, now)
        return ()
    return _looks(session, around, row, places, lease)


def _looks(
    session: Session,
    around: _Around,
    row: Binding,
    places: Sequence[ServingServer],
    lease: Lease,
) -> Sequence[PlannedProbe]:
    """Return the probes of a binding that is to be served; where there are none the row says when."""
    for place in places:
        if _outdated(around, row, place):
            wake_server(session, place.server.id, patiently=True)
    is_shared = row.id in around.sharing and row.status is BindingStatus.ACTIVE
    shared = around.applications[row.application_id] if is_shared else None
    leased_until, row.next_action_at = row.next_action_at, None
    looks = planned_looks.plan(row, places, lease, shared)
    if looks:  # what they find plans the next one: nothing is to be written before that
        row.next_action_at = leased_until
    return looks


def _configure(
    around: _Around, row: Binding, places: Sequence[ServingServer], now: datetime
) -> None:
    for place in places:
        hosted.note_issuer(around.domains[row.organization_domain_id], row, place.server)
    row.configure()
    row.attempts = 0
    if all(place.server.trouble_code is not None for place in places):
        row.error_message = proxies.WAITS
    row.next_action_at = now + SAFETY


def _places(around: _Around, row: Binding) -> list[ServingServer]:
    """Return the servers that can serve the binding: its own, or those of its group."""
    there = around.placed.get(row.id)
    if there is not None:
        found = [ServingServer(one.server, one.at, one.is_told) for one in there]
    else:
        server = around.servers.get(row.server_id) if row.server_id else None
        told = server is not None and row.served_server_id == server.id
        found = [] if server is None else [ServingServer(server, row, told)]
    return [one for one in found if one.server.deleted_at is None and one.server.proxy is not None]


def _unplaced(row: Binding) -> str:
    """Return why no server serves a binding."""
    if row.server_group_id is not None:
        return "The server group was removed or has no server with a proxy."
    if row.server_id is None:
        return UNPLACED
    return "The server was removed or has no proxy. Bind the application to another server."


def _is_secured(
    session: Session, around: _Around, row: Binding, server: Server, now: datetime
) -> bool:
    """Tell whether there is a certificate for the host; a service that issues has its own."""
    if not row.ssl_enabled:
        return True
    if not hosted.issues_itself(server):
        return _secured(session, around, row, now)
    if row.ssl_certificate_id is not None:
        around.unused.add(row.ssl_certificate_id)
        row.ssl_certificate_id = None
    return True


def _obstacle(around: _Around, row: Binding) -> str | None:
    """Return why the binding must not be served (I11), or None."""
    application = around.applications[row.application_id]
    organization = around.organizations[row.organization_id]
    if row.deleted_at is not None or row.status is BindingStatus.DISABLED:
        return ""
    if organization.deleted_at is not None or not organization.is_active:
        return "The organization is not active."
    unheld = _unheld(around, row) or _astray(around, row)
    if unheld is not None:
        return unheld
    if application.deleted_at is not None:
        return "The application was removed. Bind another one."
    if application.upstream_host is None or (row.port or application.upstream_port) is None:
        return "The application has no upstream. Set its upstream host and port."
    return None


def _astray(around: _Around, row: Binding) -> str | None:
    if row.id not in around.astray:
        return None
    return f"Nothing serves {row.redirect_to or 'a host'}, to which this host redirects."


def _unheld(around: _Around, row: Binding) -> str | None:
    """Return what is missing before the host may be used, or None."""
    domain = around.domains[row.organization_domain_id]
    if not domain.is_live:
        return UNPROVED
    deciding = most_specific(row.hostname, around.holdings)
    if deciding is not None and deciding.organization_id == row.organization_id:
        lent = f"{row.hostname} would answer for a name that is lent to another organization."
        return lent if row.hostname in around.lent else None
    return (
        f"The proof of {domain.full_domain} covers only that name. Prove it by a DNS "
        f"record, or prove {row.hostname} itself."
    )


def _stop(session: Session, around: _Around, row: Binding, obstacle: str) -> None:
    served = row.status in {BindingStatus.ACTIVE, BindingStatus.CONFIGURING}
    if obstacle and row.status is not BindingStatus.PENDING:
        row.await_(obstacle)
    elif obstacle:
        row.error_message = obstacle
    leaving = row.served_server_id or (row.server_id if served else None)
    told = [one.server.id for one in around.placed.get(row.id, ()) if served or one.is_told]
    told += departures.servers(session, [row.id])
    for one in filter(None, (leaving, *told)):
        wake_server(session, one, urgent=True)
    if not obstacle and row.ssl_certificate_id is not None:
        around.unused.add(row.ssl_certificate_id)
    domain = around.domains[row.organization_domain_id]
    active = around.active.get(domain.id, set())
    active.discard(row.id)
    if not active and domain.deleted_at is None:
        domain.deactivate()


def _secured(session: Session, around: _Around, row: Binding, now: datetime) -> bool:
    """Tell whether a working certificate covers the host; see that one is being obtained."""
    domain = around.domains[row.organization_domain_id]
    there = around.certificates[domain.id]
    certificate = succession.covering(there, row.hostname, now)
    if certificate is None:
        try:
            certificate = _wanted(session, around, row, domain, now)
        except Conflict as error:
            row.fail(error.detail)
            return False
    elif certificate.needs_successor:
        _follow(session, around, row, certificate, now)
    if row.ssl_certificate_id != certificate.id or certificate.is_let_go:
        around.unused.update(filter(None, (row.ssl_certificate_id, certificate.id)))
        row.ssl_certificate_id = certificate.id
    if not succession.presents(certificate, row.hostname):
        if row.status is not BindingStatus.PENDING:
            row.await_("Waiting for the certificate.")
        row.error_message = "Waiting for the certificate."
        return False
    return True


def _wanted(
    session: Session, around: _Around, row: Binding, domain: Domain, now: datetime
) -> Certificate:
    """Have a certificate obtained for the host. Raises `Conflict`."""
    made = requests.create(
        session, domain, [row.hostname], CertificatePreferences(), now, automatic=True,
        tools=around.tools,
    )  # fmt: skip
    around.certificates[domain.id].append(made)
    around.presented[made.id] = made
    return made


def _follow(
    session: Session, around: _Around, row: Binding, uploaded: Certificate, now: datetime
) -> None:
    """See that a certificate of the authority is there, or obtained, before the uploaded one ends."""
    domain = around.domains[row.organization_domain_id]
    others = [one for one in around.certificates[domain.id] if not one.is_uploaded]
    follower = succession.covering(others, row.hostname, now)
    try:
        follower = follower or _wanted(session, around, row, domain, now)
    except Conflict as error:  # what is served stays; its notices of expiry say why it ends
        uploaded.say(error.code, error.detail)
        return
    uploaded.renewal_error_code = uploaded.renewal_error_message = None
    if follower.is_let_go:
        around.unused.add(follower.id)


def _wake_certificates(session: Session, ids: Collection[int], now: datetime) -> None:
    """Have certificates look whether a binding uses them."""
    session.flush()
    session.execute(
        Certificate.waking(now).where(Certificate.id.in_(sorted(ids))),
        execution_options={"synchronize_session": False},
    )


def _outdated(around: _Around, row: Binding, place: ServingServer) -> bool:
    """Whether a proxy was last told something else of the binding than its rows say now."""
    application = around.applications[row.application_id]
    certificate = None
    if row.ssl_enabled and row.ssl_certificate_id is not None:
        certificate = around.presented[row.ssl_certificate_id]
    if place.at is None or not place.is_told:
        return True
    return place.at.served_digest not in routes.of_binding(row, application, certificate)
