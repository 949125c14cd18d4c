"""One name that somebody controls, and others who want it: what each may do in the scripted world."""

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import sqlalchemy as sa

from nameplate.adapters.verification.acme_dns import AcmeDns
from nameplate.adapters.verification.acme_http import AcmeHttp
from nameplate.adapters.verification.dns_cname import DnsCname
from nameplate.adapters.verification.dns_txt import DnsTxt
from nameplate.adapters.verification.email import Email
from nameplate.adapters.verification.file_upload import FileUpload
from nameplate.adapters.verification.meta_tag import MetaTag
from nameplate.core import ids
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import NameplateError
from nameplate.core.instructions import Kind
from nameplate.core.lifecycle import BindingStatus
from nameplate.db import Sessions
from nameplate.models import (
    Application,
    Binding,
    Certificate,
    Domain,
    NameChallenge,
    NameGrant,
    Verification,
    VerificationMethodName,
)
from nameplate.ports.verification import RecordProofMethod
from nameplate.usecases.certificates import issuance, requests
from nameplate.usecases.claims import (
    contests,
    domains,
    grants,
    mailed_codes,
    proving,
    verifications,
)
from tests.models import world as rows
from tests.rights.net import EDGE, OWNERS, THIEFS, Net, Page
from tests.rights.world import World

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_CODE = re.compile(r"\b[a-z2-7]{4}(?:-[a-z2-7]{4}){5}\b")
NOTHING: frozenset[str] = frozenset()
EVERYTHING = frozenset({"dns", "web", "mail"})
BY_US = frozenset({"edge"})


class Stage:
    """Three organizations around one name; `owner` controls its DNS, web server and mail."""

    def __init__(self, sessions: Sessions, net: Net | None = None) -> None:
        self.net = net or Net()
        self.world = World(sessions)
        outside: Any = self.net
        edge = (ip_network("203.0.113.0/24"),)
        names = VerificationMethodName
        self.world.tools = replace(
            self.world.tools,
            resolver=outside,
            edge=edge,
            methods={
                names.DNS_TXT: DnsTxt(outside),
                names.DNS_CNAME: DnsCname(outside, "proof.platform.example"),
                names.ACME_DNS: AcmeDns(outside),
                names.FILE_UPLOAD: FileUpload(outside, edge),
                names.ACME_HTTP: AcmeHttp(outside, edge),
                names.META_TAG: MetaTag(outside, edge),
                names.EMAIL: Email(outside, outside),
            },
        )
        self.sessions, self.tools = sessions, self.world.tools
        self.owner, self.thief, self.heir = self.world.actors
        self.base = self.world.base
        self.name = self.base
        """The host that it is all about."""
        self.certified: set[int] = set()
        """Whoever an authority was ever asked for it for."""
        self.point(OWNERS)

    def point(self, address: str, name: str | None = None) -> None:
        """Let the host lead to an address."""
        self.net.records[name or self.name, "A"] = {address}

    # What organizations do

    def act(self, actor: Actor, act: Any) -> Any:
        """Return what an act returns, None when it is refused."""
        with suppress(NameplateError), self.sessions.begin(actor) as session:
            return act(session)
        return None

    def claim(self, actor: Actor, method: str = "dns_txt", name: str | None = None) -> int | None:
        """Claim a name, or offer another proof of it; return the domain's id, None when refused."""
        name, tools = name or self.name, self.tools
        known = self.domain(actor, name)
        if known is not None:
            reference = ids.show("dom", known)
            self.act(actor, lambda s: verifications.add(s, tools, actor, reference, method))
            return known
        made: int | None = self.act(
            actor,
            lambda s: domains.add(s, tools, actor, name=name, verification_method=method).id,
        )
        return made

    def domain(self, actor: Actor, name: str | None = None) -> int | None:
        """Return the id of an organization's claim."""
        query = Domain.visible(actor).where(Domain.full_domain == (name or self.name))
        with self.sessions.begin(PLATFORM) as session:
            return session.scalars(query.with_only_columns(Domain.id)).first()

    def proofs(self, domain: int) -> list[Verification]:
        """Return the proofs of a claim, oldest first."""
        query = sa.select(Verification).where(Verification.organization_domain_id == domain)
        with self.sessions.begin(PLATFORM) as session:
            return list(session.scalars(query.order_by(Verification.id)))

    def proof(self, domain: int) -> Verification:
        """Return the newest proof of a claim."""
        return self.proofs(domain)[-1]

    def publish(self, row: Verification, powers: Iterable[str], at: str | None = None) -> None:
        """Put a proof wherever somebody with these powers can."""
        powers, name = set(powers), at or self._name(row)
        method: Any = self.tools.methods[row.verification_method]
        token = row.verification_token
        if isinstance(method, RecordProofMethod):
            wanted = method.record(name, token)
            dotted = "." if wanted.rdtype == "CNAME" else ""
            if "dns" in powers:
                self.net.add(wanted.name, wanted.rdtype, wanted.value + dotted)
            return
        if row.verification_method is VerificationMethodName.EMAIL:
            return
        shown = method.instruct(name, token)
        is_file = shown.kind == Kind.FILE
        path = shown.get("path") if is_file else "/"
        body = shown.get("content") if is_file else f"<html><head>{shown.get('tag')}</head></html>"
        servers = {THIEFS, *({EDGE} if "edge" in powers else ())}
        servers |= set(self.net.addresses(name)) if "web" in powers else set()
        for address in servers:
            self.net.pages[address, name, path or "/"] = Page(body or "")

    def _name(self, row: Verification) -> str:
        with self.sessions.begin(PLATFORM) as session:
            claim = session.get_one(Domain, row.organization_domain_id)
            return claim.full_domain.removeprefix("*.")

    def look(self, row: Verification, after: timedelta = timedelta(0)) -> None:
        """Have a worker look at a proof."""
        with suppress(NameplateError):
            lease = self.world.lease(Verification, row.id, after)
            proving.reconcile(self.sessions, self.tools, lease)

    def read(self, row: Verification, actor: Actor, powers: Iterable[str]) -> None:
        """Enter the code of a message that somebody reads, or guess one."""
        if row.verification_method is not VerificationMethodName.EMAIL or not self.net.letters:
            return
        found = _CODE.findall(self.net.letters[-1].text)
        code = found[-1] if "mail" in powers else "aaaa-bbbb-cccc-dddd-eeee-ffff"
        with suppress(NameplateError):
            mailed_codes.confirm(self.sessions, actor, ids.show("ver", row.id), code)
        self.look(row)

    def attempt(
        self, actor: Actor, method: str, powers: Iterable[str] = NOTHING, name: str | None = None
    ) -> int | None:
        """Claim a name, publish what one can, have workers look, and use the name whatever came of it."""
        domain = self.claim(actor, method, name)
        if domain is None:
            return None
        for row in self.proofs(domain):
            self.publish(row, powers)
        for row in self.proofs(domain):
            self.look(row)
            self.read(row, actor, powers)
        self.use(actor, domain)
        return domain

    def hold(self, actor: Actor, method: str = "dns_txt", name: str | None = None) -> int:
        """Claim and prove a name, and serve it."""
        domain = self.attempt(actor, method, EVERYTHING, name)
        assert domain is not None
        return domain

    def use(self, actor: Actor, domain: int, host: str | None = None) -> None:
        """Have a row say that an application of the organization is served at a host."""
        with self.sessions.begin(PLATFORM) as session:
            claim = session.get_one(Domain, domain)
            host = host or claim.full_domain
            query = Binding.visible(actor).where(Binding.hostname == host)
            if session.scalars(query).first() is not None:
                return
            app = session.get_one(Application, self.world.applications[claim.organization_id])
            left = host.removesuffix(claim.full_domain).rstrip(".") or None
            rows.binding(
                session, app, claim, server_id=self.world.server, hostname=host, subdomain=left,
                status=BindingStatus.ACTIVE,
            )  # fmt: skip

    def remove(self, actor: Actor, *, back: bool = False) -> None:
        """Remove the claim of an organization, or restore it."""
        query = sa.select(Domain.id).where(
            Domain.organization_id == actor.organization_id, Domain.full_domain == self.name
        )
        with self.sessions.begin(PLATFORM) as session:
            reference = ids.show("dom", max(session.scalars(query)))
        act: Any = domains.restore if back else domains.remove
        self.act(actor, lambda s: act(s, self.tools, actor, reference, datetime.now(UTC)))

    def lose(self, domain: int, *, until: int = 38) -> None:
        """Look on days 31 and on, when a proof is gone."""
        for days in (31, 34, 37, 38, 68):
            if days <= until:
                for row in self.proofs(domain):
                    if row.verified_at is not None:
                        self.look(row, days * DAY)

    def change(self, kind: type[Any], number: int, **columns: Any) -> None:
        """Change a row as time or the world does."""
        with self.sessions.begin(PLATFORM) as session:
            row = session.get_one(kind, number)
            for column, value in columns.items():
                setattr(row, column, value)

    def grants(self) -> None:
        """Have workers look at all grants."""
        for _ in range(2):
            for number in self.world.grants():
                lease = self.world.lease(NameGrant, number)
                grants.reconcile(self.sessions, self.tools, lease)

    def contests(self, *after: timedelta) -> None:
        """Have workers look at every challenge so long from now."""
        mine = NameChallenge.base == self.base
        for one in after:
            with self.sessions.begin(PLATFORM) as session:
                query = sa.select(NameChallenge.id).where(mine, NameChallenge.ended_at.is_(None))
                found = list(session.scalars(query))
            for number in found:
                lease = self.world.lease(NameChallenge, number, one)
                contests.reconcile(self.sessions, self.tools, lease)

    # What can be seen

    def order(self, actor: Actor) -> bool:
        """Ask for a certificate; tell whether an authority was asked for one."""
        domain = self.domain(actor)
        if domain is None:
            return False
        reference, name, now = ids.show("dom", domain), self.name, datetime.now(UTC)
        made = self.act(
            actor,
            lambda s: requests.issue(s, self.tools, actor, reference, now=now, hosts=[name]).id,
        )
        if made is not None:
            lease = self.world.lease(Certificate, made)
            issuance.reconcile(self.sessions, self.tools, lease)
        asked = any(name in names for names in self.world.authority.asked)
        self.world.authority.asked.clear()
        return asked

    def served(self, rightful: Actor | None = None) -> set[int]:
        """Return the organizations that have anything of the host: served, certified or allowed.

        With `rightful` only the edge is looked at, and nobody is served without a certificate.
        """
        (edge,) = self.world.edges(followed=False)
        routed, allowed = self.world.routed(edge, self.name), self.world.asked_for(edge, self.name)
        found = set() if routed is None else {routed}
        if rightful is None:
            found |= {one.organization for one in self.world.rendered() if one.host == self.name}
        assert allowed == bool(found), "the edge permits what is served, and nothing else"
        for actor in self.world.actors if rightful is None else [rightful]:
            if actor.organization_id is not None and self.order(actor):
                found.add(actor.organization_id)
                self.certified.add(actor.organization_id)
        certified = rightful is None or rightful.organization_id in self.certified
        return found if certified else set()
