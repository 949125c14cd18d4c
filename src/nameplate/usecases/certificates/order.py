"""The steps from a stored key to an installed certificate, taken under one lease.

Where nobody has to be waited for, two transactions are enough: the order with its key and the tokens
of its proofs; the certificate. What else is known is stored before a wait.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

import sqlalchemy as sa
from sqlalchemy.orm import Session

from nameplate.core import certificates as x509
from nameplate.core import issuance, keys, renewal
from nameplate.core.actor import PLATFORM
from nameplate.core.encryption import Place
from nameplate.core.errors import NameplateError, Refused
from nameplate.core.issuance import Step
from nameplate.core.rdata.text import quoted
from nameplate.core.secret import Secret
from nameplate.db import Sessions, upsert
from nameplate.leases import Lease
from nameplate.models import (
    Account,
    Binding,
    Certificate,
    CertificateType,
    ChallengeProgress,
    ChallengeType,
    Domain,
    HttpChallenge,
    LedgerEntry,
    LedgerPurpose,
    LedgerState,
    RecordType,
)
from nameplate.models.records import digest
from nameplate.ports.ca import CertificateAuthority, Challenge, Order, OrderStatus, RenewalAdvisor
from nameplate.usecases import work
from nameplate.usecases.certificates import budgets, requests
from nameplate.usecases.dns import zones
from nameplate.usecases.propagation import observations
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

_BEGINNING = Certificate.beginning()
_FORGETTING = HttpChallenge.forgetting(sa.bindparam("certificate"))
_WAKING = Binding.waking(sa.bindparam("now")).where(
    Binding.organization_domain_id == sa.bindparam("domain"), Binding.deleted_at.is_(None)
)
"""Made once: every certificate needs them."""
MAX_STEPS = 16
"""Steps taken under one lease."""
CHALLENGE_TTL = 60
NEXT_LOOK = timedelta(days=1)
"""A settled certificate is looked at this often at least (RFC 9773 asks for more than once a day)."""


@dataclass(slots=True)
class State:
    """What is stored of one issuance, kept in step with the row."""

    hosts: tuple[str, ...]
    place: Place
    """Where the key is sealed to."""
    kind: str
    account: Account
    key: Secret | None
    order_url: str | None
    presented: set[str] = field(default_factory=set)
    responded: set[str] = field(default_factory=set)

    def progress(self) -> ChallengeProgress:
        """Return what goes into `acme_challenge_data`."""
        return ChallengeProgress(
            self.account.id, frozenset(self.presented), frozenset(self.responded)
        )

    @classmethod
    def of(cls, session: Session, tools: Tools, row: Certificate) -> Self:
        """Read the state of a row."""
        known = row.acme_challenge_data or ChallengeProgress()
        account = session.get(Account, known.account_id) if known.account_id else None
        if account is None or account.deleted_at is not None:
            account = ca_accounts.authority_account(session, row.organization_id)
        place = requests.key_place(row)
        sealed = row.pending_private_key
        return cls(
            hosts=tuple(row.subject_alternative_names or ()),
            place=place,
            kind=(row.acme_challenge_type or "http-01"),
            account=account,
            key=tools.keyring.open(sealed, place) if sealed else None,
            order_url=row.acme_order_url,
            presented=set(known.presented),
            responded=set(known.responded),
        )


class Issuer:
    """Takes the steps of one issuance under one lease."""

    def __init__(self, sessions: Sessions, tools: Tools, lease: Lease, state: State) -> None:
        self._sessions = sessions
        self._tools = tools
        self._lease = lease
        self._state = state
        self._renewed_at = lease.now()
        self._authority: CertificateAuthority = tools.authority(state.account)

    def run(self) -> None:
        """Take steps until one has to wait or the certificate is installed."""
        url = self._state.order_url
        order = self._authority.refresh(url) if url else None
        for _ in range(MAX_STEPS):
            self._keep_lease()
            outcome = self._take(self._next(order), order)
            if outcome is False:
                return
            order = outcome if isinstance(outcome, Order) else order
        self._wait(self._lease.now())

    def _next(self, order: Order | None) -> Step:
        return issuance.next_step(
            order,
            kind=self._state.kind,
            have_key=self._state.key is not None,
            presented=self._state.presented,
            responded=self._state.responded,
            now=self._lease.now(),
        )

    def _take(self, step: Step, order: Order | None) -> Order | bool:
        """Take one step; return the order as it is now, True to go on, or False to stop."""
        match step:
            case issuance.MakeKey():
                return self._begin()
            case issuance.CreateOrder():
                return self._create_order()
            case issuance.Present(challenges):
                return self._present(challenges)
            case issuance.Respond(challenges):
                return self._respond(challenges)
            case issuance.Wait(until):
                return self._wait(until)
            case issuance.Fail(code, reason, _retry):
                raise Refused(code, reason)
            case _:
                pass
        if order is None:
            raise AssertionError("an order is needed to finish")
        return (
            self._finalize(order) if isinstance(step, issuance.Finalize) else self._install(order)
        )

    def _begin(self) -> bool:
        """Start a generation: spend what an order costs, and make its key. Raises `RateLimited`."""
        if budgets.counts_orders(self._state.account):
            self._record(self._spend)
        self._state.key = keys.new_key()
        return True

    def _spend(self, session: Session, row: Certificate) -> None:
        domain = session.get_one(Domain, row.organization_domain_id)
        budgets.take_order(
            session, self._state.account, domain.domain_name, self._state.hosts, self._lease.now()
        )

    def _create_order(self) -> Order:
        self._tools.checkpoint("certificate:order_intended")
        order = self._authority.order(self._state.hosts)
        self._tools.checkpoint("certificate:order_created")
        self._state.order_url = order.url
        self._state.presented = set()
        self._state.responded = set()
        step = self._next(order)
        tokens = step.challenges if isinstance(step, issuance.Present) else ()
        self._store_order(order.url, tokens if self._state.kind == "http-01" else ())
        return order

    def _store_order(self, url: str, tokens: Sequence[Challenge]) -> None:
        """Store order and key, and the tokens that are answered by Nameplate itself, in one go."""
        if self._state.key is None:
            raise AssertionError("no key to store")
        sealed = self._tools.keyring.seal(self._state.key, self._state.place)

        self._state.presented |= {challenge.url for challenge in tokens}
        work.write(
            self._sessions, Certificate, self._lease, _BEGINNING,
            values={"sealed": sealed, "url": url, "data": self._state.progress()},
            also=lambda session: self._publish_tokens(session, tokens),
        )  # fmt: skip
        self._renewed_at = self._lease.now()
        self._tools.checkpoint("certificate:order_stored")
        if tokens:
            self._tools.checkpoint("certificate:presented")

    def _present(self, challenges: Sequence[Challenge]) -> bool:
        if self._state.kind == "http-01":
            self._record(lambda session, row: self._present_tokens(session, row, challenges))
        elif self._visible(challenges):
            self._state.presented |= {challenge.url for challenge in challenges}
            self._save()
        else:
            return self._wait(self._lease.now() + timedelta(seconds=5))
        self._tools.checkpoint("certificate:presented")
        return True

    def _present_tokens(
        self, session: Session, row: Certificate, challenges: Sequence[Challenge]
    ) -> None:
        self._publish_tokens(session, challenges)
        self._state.presented |= {challenge.url for challenge in challenges}
        row.acme_challenge_data = self._state.progress()

    def _publish_tokens(self, session: Session, challenges: Sequence[Challenge]) -> None:
        place = self._state.place
        rows = [
            {
                "token": challenge.token,
                "hostname": challenge.name,
                "key_authorization": challenge.key_authorization,
                "ssl_certificate_id": place.row_id,
                "organization_id": place.organization_id,
            }
            for challenge in challenges
        ]
        if rows:
            upsert(session, HttpChallenge, rows)

    def _visible(self, challenges: Sequence[Challenge]) -> bool:
        """Have the TXT records written, and tell whether every authoritative server shows them."""
        values = {(c.record_name, quoted([c.record_value.encode()])) for c in challenges}
        there = self._record(lambda s, row: self._want_records(s, row, values))
        if not values <= there:
            return False
        for name in {name for name, _ in values}:
            finding = self._tools.resolver.authoritative(name, "TXT")
            texts = [text for owner, text in values if owner == name]
            if not all(observations.seen_by_all(finding, "TXT", text) for text in texts):
                return False
        return True

    def _want_records(
        self, session: Session, row: Certificate, values: set[tuple[str, str]]
    ) -> set[tuple[str, str]]:
        domain = session.get_one(Domain, row.organization_domain_id)
        known = session.scalars(
            LedgerEntry.visible(PLATFORM).where(LedgerEntry.ssl_certificate_id == row.id)
        ).all()
        missing = values - {(entry.name, entry.value) for entry in known}
        for name, value in sorted(missing):
            session.add(
                LedgerEntry(
                    organization_id=row.organization_id,
                    account_id=domain.dns_account_id,
                    organization_domain_id=domain.id,
                    zone=domain.dns.zone or domain.domain_name,
                    name=name,
                    record_type=RecordType.TXT,
                    value=value,
                    value_digest=digest(value),
                    ttl=CHALLENGE_TTL,
                    purpose=LedgerPurpose.CHALLENGE,
                    state=LedgerState.INTENDED,
                    ssl_certificate_id=row.id,
                )
            )
        if missing:
            domain.wake(self._lease.now())
        return {(e.name, e.value) for e in known if e.state is LedgerState.PRESENT}

    def _respond(self, challenges: Sequence[Challenge]) -> Order:
        self._tools.checkpoint("certificate:respond_intended")
        for challenge in challenges:
            self._authority.respond(challenge)
        self._tools.checkpoint("certificate:responded")
        # Stored when there is something to wait for: asking once more is harmless.
        self._state.responded |= {challenge.url for challenge in challenges}
        return self._refreshed()

    def _refreshed(self) -> Order:
        if self._state.order_url is None:
            raise AssertionError("no order to read")
        return self._authority.refresh(self._state.order_url)

    def _finalize(self, order: Order) -> Order:
        if self._state.key is None:
            raise AssertionError("no key to finalize with")
        # The stored key and order are the intent: what became of it, the order's status will say.
        self._tools.checkpoint("certificate:finalize_intended")
        finalized = self._authority.finalize(order, x509.csr(self._state.key, self._state.hosts))
        self._tools.checkpoint("certificate:finalized")
        at_once = finalized.status is OrderStatus.PROCESSING and not finalized.retry_after
        return self._refreshed() if at_once else finalized

    def _install(self, order: Order) -> bool:
        bundle = self._authority.download(order)
        self._tools.checkpoint("certificate:downloaded")
        key = self._state.key
        if key is None:
            raise AssertionError("no key to install")
        now = self._lease.now()
        facts = x509.check(bundle, key, self._state.hosts, now)
        window = self._window(bundle)

        def change(session: Session, row: Certificate) -> None:
            # What asks the database comes first, so that the row is written once.
            _wake_bindings(session, row, now)
            row.private_key = clean_up(session, row, now)
            leaf, chain = x509.split_chain(bundle)
            row.certificate = leaf.decode()
            row.certificate_chain = chain.decode()
            row.certificate_bundle = bundle.decode()
            row.issuer = facts.issuer[:255]
            row.serial_number = facts.serial
            row.fingerprint = facts.fingerprint
            row.issued_at = facts.not_before
            row.expires_at = facts.not_after
            if self._state.account.provider == "local":
                row.certificate_type = CertificateType.SELF_SIGNED
            row.activate(now)
            row.next_renewal_attempt_at = renewal.renew_at(
                facts.not_before, facts.not_after, row.renewal_days_before_expiry, window,
                self._tools.jitter(),
            )  # fmt: skip
            row.next_action_at = next_look(row, now)
            row.attempts = 0

        work.record(self._sessions, Certificate, self._lease, change, release=True)
        self._tools.checkpoint("certificate:installed")
        return False

    def _window(self, bundle: bytes) -> tuple[datetime, datetime] | None:
        if not isinstance(self._authority, RenewalAdvisor):
            return None
        try:
            return self._authority.renewal_window(bundle)
        except NameplateError:
            return None  # advice is welcome, not needed

    def _wait(self, until: datetime) -> bool:
        def change(_session: Session, row: Certificate) -> None:
            row.acme_challenge_data = self._state.progress()
            row.next_action_at = work.soon(self._tools, until, self._lease.now())

        work.record(self._sessions, Certificate, self._lease, change, release=True)
        return False

    def _save(self) -> None:
        self._record(
            lambda _session, row: setattr(row, "acme_challenge_data", self._state.progress())
        )

    def _keep_lease(self) -> None:
        """Renew the lease when half of it is over. Raises `Superseded` when somebody else has the row."""
        if self._lease.now() - self._renewed_at > (self._lease.until - self._lease.taken_at) / 2:
            self._save()

    def _record(self, change: Any) -> Any:  # noqa: ANN401 - see `work.record`
        result = work.record(self._sessions, Certificate, self._lease, change, release=False)
        self._renewed_at = self._lease.now()
        return result


def next_look(row: Certificate, now: datetime) -> datetime | None:
    """Return when to look at a settled certificate again."""
    if row.certificate is None or not row.auto_renew:
        return None
    return min(row.next_renewal_attempt_at or now + NEXT_LOOK, now + NEXT_LOOK)


def clean_up(session: Session, row: Certificate, now: datetime) -> str | None:
    """Forget the generation being obtained, its tokens and challenge records; return its sealed key."""
    sealed = row.pending_private_key
    if row.acme_challenge_type is ChallengeType.DNS_01:
        zones.forget(session, row.id, now)
    else:
        session.connection().execute(_FORGETTING, {"certificate": row.id})
    row.abandon()
    return sealed


def _wake_bindings(session: Session, row: Certificate, now: datetime) -> None:
    """Let every binding that presents, or waits for, this certificate look at it."""
    values = {"now": now, "domain": row.organization_domain_id}
    session.connection().execute(_WAKING, values)
