"""Certificates that an organization brings: taken, replaced, and withdrawn.

Who holds the names, and whose key it is, is asked as the platform, which sees every organization; what
is written is written as whoever brings it. Serving asks the holdings again at every step.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from nameplate.core import ids, keys
from nameplate.core import uploads as files
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.chains import Roots
from nameplate.core.errors import Conflict, Invalid
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import CertificateStatus
from nameplate.core.uploads import Material, Upload
from nameplate.db import Sessions, database_now
from nameplate.models import (
    Account,
    AccountKind,
    Certificate,
    CertificateType,
    Domain,
    SslProvider,
)
from nameplate.usecases import holders, lookup
from nameplate.usecases.certificates import coverage, expiry, generations, requests, succession
from nameplate.usecases.tenants import accounts
from nameplate.usecases.tools import Tools

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class _Checked:
    """An upload that its organization may serve."""

    upload: Upload
    names: tuple[str, ...]
    organization_id: int
    domain_id: int


def upload(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    material: Material,
    *,
    domain: str | None = None,
    takeover_days: int = 30,
    dry_run: bool = False,
) -> Certificate:
    """Take a certificate with its key, and serve it from now on for the hosts that it names.

    `domain` is needed only where several claims fit. Raises `Invalid` as `core.uploads.parse`,
    `names_not_held`, `key_reused`; Conflict `certificate_exists`.
    """
    with sessions.begin(PLATFORM, read_only=True) as session:
        checked = _checked(session, tools, actor, material, domain)
        _refuse_known(session, checked, None)

    def add(session: Session, now: datetime) -> Certificate:
        claim = session.get_one(Domain, checked.domain_id)
        row = Certificate(
            organization_id=checked.organization_id,
            organization_domain_id=checked.domain_id,
            certificate_type=CertificateType.CUSTOM,
            common_name=checked.names[0],
            auto_renew=claim.auto_renew_ssl,
            renewal_days_before_expiry=takeover_days,
        )
        session.add(row)
        session.flush()
        claim.ssl_provider = SslProvider.CUSTOM
        _install(session, tools, row, checked, now)
        return row

    return _written(sessions, actor, add, dry_run=dry_run)


def replace(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    reference: str,
    material: Material,
    *,
    dry_run: bool = False,
) -> Certificate:
    """Serve another certificate in place of one that was uploaded; until then that one is served.

    Raises as `upload`, and Conflict `certificate_not_uploaded`, `hosts_uncovered`.
    """
    with sessions.begin(PLATFORM, read_only=True) as session:
        known = requests.get(session, actor, reference)
        if not known.is_uploaded:
            raise Conflict(
                "certificate_not_uploaded",
                "An authority issued this certificate. Upload yours beside it: it is preferred.",
            )
        home = ids.show(Prefix.DOMAIN, known.organization_domain_id)
        owner = Actor(known.organization_id)
        checked = _checked(session, tools, owner, material, home)
        _refuse_known(session, checked, known.id)

    def change(session: Session, now: datetime) -> Certificate:
        row = requests.get(session, actor, reference)
        session.refresh(row, with_for_update=True)
        _refuse_uncovered(session, row, checked.names)
        _install(session, tools, row, checked, now)
        return row

    return _written(sessions, actor, change, dry_run=dry_run)


def _written(
    sessions: Sessions,
    actor: Actor,
    write: Callable[[Session, datetime], Certificate],
    *,
    dry_run: bool,
) -> Certificate:
    """Write as the actor and return the row as it is then; of a dry run nothing stays."""
    with sessions.begin(actor) as session:
        row = write(session, database_now(session))
        session.flush()
        session.refresh(row)
        if dry_run:
            session.expunge(row)
            session.rollback()
    return row


def _install(
    session: Session, tools: Tools, row: Certificate, checked: _Checked, now: datetime
) -> None:
    """Make the upload what is served by the row."""
    row.certificate_name = row.common_name = checked.names[0]
    main = session.get_one(Domain, row.organization_domain_id)
    homes = coverage.homes(session, main, checked.names)
    named = {name: homes.get(name, main.id) for name in checked.names}
    coverage.name(session, row, named, anew=True)
    issued = generations.Issued(
        checked.upload.bundle,
        facts=checked.upload.facts,
        info=None,
        is_local=False,
        sealed_key=tools.keyring.seal(checked.upload.key, requests.key_place(row)),
    )
    generations.install(session, row, issued, 0.0, now)
    succession.plan(row)
    succession.settle(session, row, now)
    generations.wake_bindings(session, row, now)
    expiry.announce(session, row, now)


def _checked(
    session: Session, tools: Tools, actor: Actor, material: Material, domain: str | None
) -> _Checked:
    """Parse, and ask who holds the names and whose key it is; the session is the platform's."""
    now = database_now(session)
    roots = Roots() if tools.roots is None else tools.roots()
    parsed = files.parse(material, roots, now)
    covered = files.covered(parsed.facts, special_use=tools.special_use)
    claim = lookup.domain(session, actor, domain) if domain is not None else None
    owner = claim.organization_id if claim is not None else actor.organization_id
    if owner is None:
        owner = holders.holder(session, covered[0])
    if owner is None or not holders.holds(session, owner, *covered):
        raise _unheld(session, owner, covered)
    home = claim or _home(session, owner, covered)
    _refuse_other_use(session, tools, owner, parsed.facts.spki)
    return _Checked(parsed, covered, owner, home.id)


def _unheld(session: Session, owner: int | None, covered: Sequence[str]) -> Invalid:
    lacking = [one for one in covered if owner is None or not holders.holds(session, owner, one)]
    shown = ", ".join(lacking[:_SHOWN])
    more = f" and {len(lacking) - _SHOWN} more" if len(lacking) > _SHOWN else ""
    return Invalid(
        "names_not_held",
        f"The certificate names {shown}{more}, which the organization has not proved. Prove these names, "
        "or have a certificate issued without them.",
    )


def _home(session: Session, owner: int, covered: Sequence[str]) -> Domain:
    """Return the claim under which the certificate is kept: the closest to its first name."""
    found = coverage.closest(session, owner, covered)
    home = next((found[one] for one in covered if one in found), None)
    if home is None:
        raise _unheld(session, None, covered)
    return home


def _refuse_known(session: Session, checked: _Checked, own_id: int | None) -> None:
    query = Certificate.visible(Actor(checked.organization_id)).where(
        Certificate.fingerprint == checked.upload.facts.fingerprint
    )
    for row in session.scalars(query):
        if row.id != own_id:
            raise Conflict(
                "certificate_exists",
                f"This certificate is there already: {ids.show(Prefix.CERTIFICATE, row.id)}.",
            )


def _refuse_other_use(session: Session, tools: Tools, owner: int, spki: str) -> None:
    """Refuse a key of an account, of another organization, or of a certificate that was revoked."""
    known = Certificate.public_key_fingerprint == spki
    columns = Certificate.organization_id, Certificate.status
    for query in (Certificate.visible(PLATFORM), Certificate.removed(PLATFORM)):
        for organization, status in session.execute(query.where(known).with_only_columns(*columns)):
            if organization != owner or status is CertificateStatus.REVOKED:
                raise _reused()
    mine = Account.visible(PLATFORM).where(
        Account.kind == AccountKind.CA,
        (Account.organization_id == owner) | Account.organization_id.is_(None),
    )
    for account in session.scalars(mine):
        if spki in _key_digests(tools, account):
            raise _reused()


def _key_digests(tools: Tools, account: Account) -> Iterable[str]:
    for text in accounts.credentials(account, tools.keyring).values():
        try:
            yield hashlib.sha256(keys.public_bytes(text)).hexdigest()
        except Invalid:
            continue  # a token or another text


def _reused() -> Invalid:
    return Invalid(
        "key_reused",
        "The private key is already in use elsewhere, or was given up. Generate a new one and have the "
        "certificate issued for it.",
    )


def _refuse_uncovered(session: Session, row: Certificate, covered: Sequence[str]) -> None:
    bound = succession.presenting(session, row)
    lost = [one.hostname for one in bound if not succession.names_host(covered, one.hostname)]
    if lost:
        raise Conflict(
            "hosts_uncovered",
            f"The new certificate does not name {', '.join(sorted(set(lost))[:_SHOWN])}, served with the old "
            "one. Upload it as a certificate of its own.",
        )
