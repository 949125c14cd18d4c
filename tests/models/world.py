"""A small world of rows for tests: one call per noun, everything optional has a default."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy.orm import Session

from nameplate.core.dangling.found import Dangling, Severity
from nameplate.core.lifecycle import DomainStatus
from nameplate.core.roles import Role
from nameplate.models import (
    Account,
    AccountKind,
    Application,
    Binding,
    BindingPlacement,
    Certificate,
    CertificateName,
    ChangePlan,
    DanglingRecord,
    DanglingScan,
    Domain,
    DomainReadiness,
    EmbedToken,
    Event,
    EventActor,
    HealthHour,
    HoldingScope,
    HostedState,
    HostedZone,
    HttpChallenge,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    MailState,
    Membership,
    NameChallenge,
    NameGrant,
    NameHolding,
    NameLock,
    NameTransfer,
    Organization,
    PlanContent,
    PlanOrigin,
    ProofMail,
    Purchase,
    QuarantinedName,
    Record,
    RecordType,
    RegisteredName,
    ReleaseReason,
    Server,
    ServerGroup,
    SetupLink,
    User,
    Verification,
    VerificationMethodName,
)
from nameplate.ports.registrar import Act

NOW = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)

_numbers = count(1)

Row = TypeVar("Row")


def _add(session: Session, row: Row) -> Row:
    session.add(row)
    session.flush()
    return row


def organization(session: Session, **columns: Any) -> Organization:
    number = next(_numbers)
    return _add(session, Organization(**({"name": "Acme", "slug": f"acme-{number}"} | columns)))


def application(session: Session, owner: Organization, **columns: Any) -> Application:
    return _add(session, Application(**({"organization_id": owner.id, "name": "Shop"} | columns)))


def server(session: Session, owner: Organization | None, **columns: Any) -> Server:
    id_ = owner.id if owner else None
    default: dict[str, Any] = {"organization_id": id_, "name": "edge", "address": "192.0.2.1"}
    return _add(session, Server(**(default | columns)))


def server_group(session: Session, owner: Organization | None, **columns: Any) -> ServerGroup:
    id_ = owner.id if owner else None
    return _add(session, ServerGroup(**({"organization_id": id_, "name": "eu"} | columns)))


def placement(session: Session, of: Binding, at: Server, **columns: Any) -> BindingPlacement:
    own = {"organization_id": of.organization_id, "binding_id": of.id, "server_id": at.id}
    return _add(session, BindingPlacement(**(own | columns)))


def domain(session: Session, owner: Organization, name: str = "acme.com", **columns: Any) -> Domain:
    row = _add(session, Domain(organization_id=owner.id, domain_name=name, **columns))
    if row.status in {DomainStatus.VERIFIED, DomainStatus.ACTIVE}:
        session.refresh(row)
        held = row.full_domain.removeprefix("*.")
        holding(session, row, name=held)
        row.holding_name = held
        session.flush()
    return row


def record(session: Session, parent: Domain, **columns: Any) -> Record:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "record_type": RecordType.A,
        "name": "@",
        "value": f"192.0.2.{next(_numbers) % 250}",
    }
    return _add(session, Record(**(default | columns)))


def certificate(session: Session, parent: Domain, **columns: Any) -> Certificate:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "common_name": parent.domain_name,
    }
    row: Certificate = _add(session, Certificate(**(default | columns)))
    for name in dict.fromkeys(row.subject_alternative_names or [row.common_name]):
        certificate_name(session, row, name)
    return row


def certificate_name(
    session: Session, of: Certificate, name: str, home: Domain | None = None
) -> CertificateName:
    """Have a certificate cover a name, of its own domain unless told otherwise."""
    row = CertificateName(
        organization_id=of.organization_id,
        ssl_certificate_id=of.id,
        hostname=name,
        organization_domain_id=of.organization_domain_id if home is None else home.id,
    )
    return _add(session, row)


def verification(session: Session, parent: Domain, **columns: Any) -> Verification:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "verification_method": VerificationMethodName.DNS_TXT,
        "verification_token": f"token-{next(_numbers)}",
    }
    return _add(session, Verification(**(default | columns)))


def binding(session: Session, app: Application, parent: Domain, **columns: Any) -> Binding:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "application_id": app.id,
        "hostname": parent.domain_name,
    }
    return _add(session, Binding(**(default | columns)))


def health_hour(session: Session, parent: Binding, **columns: Any) -> HealthHour:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "binding_id": parent.id,
        "hour": datetime(2026, 11, 29, 12, tzinfo=UTC),
        "looks": "0,10,0,200,34,60;",
    }
    return _add(session, HealthHour(**(default | columns)))


def account(session: Session, owner: Organization | None, **columns: Any) -> Account:
    default: dict[str, Any] = {
        "organization_id": owner.id if owner else None,
        "kind": AccountKind.DNS,
        "provider": "powerdns",
        "name": "DNS",
        "config": {},
    }
    return _add(session, Account(**(default | columns)))


def holding(session: Session, parent: Domain, **columns: Any) -> NameHolding:
    session.merge(NameLock(base=parent.domain_name))
    session.flush()
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "name": parent.domain_name,
        "base": parent.domain_name,
        "scope": HoldingScope.SUBTREE,
    }
    return _add(session, NameHolding(**(default | columns)))


def ledger_entry(session: Session, by: Account, parent: Domain, **columns: Any) -> LedgerEntry:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "account_id": by.id,
        "zone": parent.domain_name,
        "name": parent.domain_name,
        "record_type": RecordType.A,
        "value": "192.0.2.1",
        "value_digest": "0" * 64,
        "ttl": 300,
        "purpose": LedgerPurpose.RECORD,
        "state": LedgerState.PRESENT,
    }
    return _add(session, LedgerEntry(**(default | columns)))


def plan(session: Session, parent: Domain, **columns: Any) -> ChangePlan:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "zone": parent.domain_name,
        "origin": PlanOrigin.REQUEST,
        "fingerprint": "0" * 64,
        "wanted_fingerprint": "0" * 64,
        "expires_at": datetime(2027, 1, 1, tzinfo=UTC),
        "content": PlanContent(),
    }
    return _add(session, ChangePlan(**(default | columns)))


def hosted_zone(session: Session, by: Account, parent: Domain, **columns: Any) -> HostedZone:
    default: dict[str, Any] = {
        "organization_id": parent.organization_id,
        "organization_domain_id": parent.id,
        "account_id": by.id,
        "name": parent.domain_name,
        "name_servers": ["ns1.example.net"],
        "hostmaster": "hostmaster.example.net",
        "mark": "0" * 40,
        "state": HostedState.PRESENT,
    }
    return _add(session, HostedZone(**(default | columns)))


def challenge(session: Session, parent: Certificate) -> HttpChallenge:
    row = HttpChallenge(
        organization_id=parent.organization_id,
        ssl_certificate_id=parent.id,
        token=f"challenge-{next(_numbers)}",
        hostname=parent.common_name,
        key_authorization="x.y",
    )
    return _add(session, row)


def an_event(session: Session, parent: Domain) -> Event:
    row = Event(
        organization_id=parent.organization_id,
        type="domain.claimed",
        object_type="domain",
        object_id=parent.id,
        actor=EventActor.WORKER,
        before={},
        after={},
    )
    return _add(session, row)


def grant(session: Session, of: Domain, **columns: Any) -> NameGrant:
    """Add a grant of a name below a domain, which nobody has accepted."""
    given = {
        "organization_id": of.organization_id,
        "name": f"lent.{of.full_domain}",
        "base": of.domain_name,
        "scope": HoldingScope.SUBTREE,
    }
    return _add(session, NameGrant(**(given | columns)))


def name_challenge(session: Session, by: Verification, name: str) -> NameChallenge:
    """Add an open challenge by a claim."""
    row = NameChallenge(
        organization_id=by.organization_id,
        organization_domain_id=by.organization_domain_id,
        domain_verification_id=by.id,
        name=name,
        base=name,
    )
    return _add(session, row)


def transfer(session: Session, of: Domain, to: int, **columns: Any) -> NameTransfer:
    """Add an offer of a domain to an organization."""
    given = {
        "organization_id": of.organization_id,
        "target_organization_id": to,
        "target_reference": "globex",
        "organization_domain_id": of.id,
        "name": of.domain_name,
        "base": of.domain_name,
        "expires_at": datetime.now(UTC) + timedelta(days=7),
    }
    return _add(session, NameTransfer(**(given | columns)))


def user(session: Session, **columns: Any) -> User:
    default = {"email": f"user-{next(_numbers)}@example.com", "name": "Ada"}
    return _add(session, User(**(default | columns)))


def membership(session: Session, owner: Organization, role: Role = Role.OWNER) -> Membership:
    row = Membership(organization_id=owner.id, user_id=user(session).id, role=role)
    return _add(session, row)


def embed_token(session: Session, of: Domain) -> EmbedToken:
    number = next(_numbers)
    row = EmbedToken(
        organization_id=of.organization_id,
        organization_domain_id=of.id,
        key_id=f"embed{number:016x}",
        token_hash="0" * 64,
        actions=["domains:read"],
        origins=["https://shop.example.com"],
        expires_at=NOW + timedelta(hours=1),
    )
    return _add(session, row)


def setup_link(session: Session, of: Domain) -> SetupLink:
    """Add a link to the page that shows what to publish."""
    row = SetupLink(
        organization_id=of.organization_id,
        organization_domain_id=of.id,
        token_hash=uuid4().hex * 2,
        expires_at=datetime.now(UTC) + timedelta(days=7),
    )
    return _add(session, row)


def dangling_scan(session: Session, of: Domain) -> DanglingScan:
    """Add the daily look at a domain's names."""
    ids = {"organization_id": of.organization_id, "organization_domain_id": of.id}
    return _add(session, DanglingScan(**ids))


def dangling_record(session: Session, of: Domain, **columns: Any) -> DanglingRecord:
    """Add a dangling record that was found below a domain."""
    row = DanglingRecord(organization_id=of.organization_id, organization_domain_id=of.id)
    fields = {"name": f"old.{of.full_domain}", "subject": "192.0.2.9", "severity": Severity.HIGH}
    seen = Dangling(**({"problem": "address_left", "message": "x", "fix": "y"} | fields | columns))
    row.see(seen, NOW)
    return _add(session, row)


def quarantined(session: Session, of: Domain, **columns: Any) -> QuarantinedName:
    """Add a name that a claim held."""
    given = {
        "organization_id": of.organization_id,
        "organization_domain_id": of.id,
        "name": f"former.{of.full_domain}",
        "base": of.domain_name,
        "scope": HoldingScope.EXACT,
        "reason": ReleaseReason.REMOVED,
        "since": datetime.now(UTC),
    }
    return _add(session, QuarantinedName(**(given | columns)))


def registration(session: Session, owner: Organization, by: Account, name: str) -> RegisteredName:
    """Add a registration of a name through an account."""
    return _add(session, RegisteredName(organization_id=owner.id, account_id=by.id, name=name))


def purchase(session: Session, of: RegisteredName) -> Purchase:
    """Add a quote for a registration."""
    row = Purchase(
        organization_id=of.organization_id,
        registration_id=of.id,
        account_id=of.account_id,
        name=of.name,
        act=Act.REGISTER,
        years=1,
        currency="USD",
        quoted_amount=1000,
        valid_until=NOW,
    )
    return _add(session, row)


def proof_mail(session: Session, of: Verification, home: str) -> ProofMail:
    """Add a message with a code for the owner of a name."""
    row = ProofMail(
        organization_id=of.organization_id,
        domain_verification_id=of.id,
        home=home,
        limited_as=home,
        code_digest=uuid4().hex * 2,
        state=MailState.ACCEPTED,
    )
    return _add(session, row)


def _registered(
    session: Session, owner: Organization, by: Account, name: str
) -> tuple[RegisteredName, Purchase]:
    made = registration(session, owner, by, name)
    return made, purchase(session, made)


def everything(session: Session, owner: Organization, name: str = "acme.com") -> dict[str, Any]:
    """Make one row of every table that an organization can own, and return them by table."""
    app, machine = application(session, owner), server(session, owner)
    by = account(session, owner)
    claim = domain(session, owner, name, dns_account_id=by.id)
    cert = certificate(session, claim)
    check = verification(session, claim)
    bound = binding(session, app, claim, server_id=machine.id, ssl_certificate_id=cert.id)
    rows = [
        app,
        machine,
        claim,
        cert,
        by,
        record(session, claim),
        check,
        proof_mail(session, check, name),
        bound,
        server_group(session, owner),
        placement(session, bound, machine),
        health_hour(session, bound),
        holding(session, claim),
        session.get_one(CertificateName, (cert.id, cert.common_name)),  # made with the certificate
        challenge(session, cert),
        ledger_entry(session, by, claim),
        plan(session, claim),
        hosted_zone(session, by, claim),
        an_event(session, claim),
        setup_link(session, claim),
        membership(session, owner),
        embed_token(session, claim),
        grant(session, claim),
        dangling_scan(session, claim),
        dangling_record(session, claim),
        name_challenge(session, check, name),
        transfer(session, claim, owner.id),
        quarantined(session, claim),
        session.get_one(DomainReadiness, claim.id),  # made with the domain
        *_registered(session, owner, by, name),
    ]
    return {row.__tablename__: row for row in rows}
