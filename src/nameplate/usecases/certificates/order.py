"""Carrying one ACME order forward, step by step (RFC 8555 section 7.1.6), under one lease.

Where nobody has to be waited for, two transactions are enough: the order with its key and the tokens
of its proofs; the certificate. What else is known is stored before a wait. Every step is decided in
`core/issuance.py` from what the authority says; here it is taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from nameplate.core import certificates as x509
from nameplate.core import chain_choice, issuance, keys, renewal
from nameplate.core.chain_choice import ChosenChain
from nameplate.core.encryption import Place, key_id
from nameplate.core.errors import NameplateError, Refused
from nameplate.core.issuance import Download, Fail, Finalize, Present, Respond, Step, Wait
from nameplate.core.orders import Challenge, Order, OrderStatus
from nameplate.core.renewal import RenewalInfo
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.leases import Lease
from nameplate.models import Account, Certificate, ChallengeProgress, Domain
from nameplate.models.sealing import hold
from nameplate.ports.ca import CertificateAuthority, ChainOffer, OrderPoller
from nameplate.usecases import work
from nameplate.usecases.certificates import (
    account_keys,
    budgets,
    challenges,
    delegations,
    draft_proofs,
    generations,
    outages,
    renewal_info,
    rollout,
)  # fmt: skip
from nameplate.usecases.tools import Tools

T = TypeVar("T")

MAX_STEPS = 16
"""Steps taken under one lease."""
REPLACEMENT_REFUSED = "acme_replacement_refused"
"""The authority does not take the order for a replacement: it is made as any other, and counts as such."""
_PROFILE_GONE = {"acme_profile_unknown", "profile_unknown"}
UNSEEN = timedelta(seconds=5)
"""How long to wait for TXT records that are not everywhere yet."""
UNPUBLISHED = timedelta(seconds=20)
"""How long to wait for those that owners publish."""
_BEGINNING = Certificate.beginning()
"""Made once: every certificate needs it."""


@dataclass(frozen=True, slots=True)
class CertificateRequest:
    """What is to be ordered: there is no order yet, and no key."""

    hosts: tuple[str, ...]
    place: Place
    """Where the key is sealed to while the order is under way."""
    served_place: Place
    """The same once the certificate is installed."""
    kind: str
    """Type of the challenges that prove the names, as in `http-01`."""
    account: Account
    """The account at the authority to order with."""
    accounts: Sequence[Account] = ()
    """The accounts to choose from while there is no order, the preferred one first."""
    reason: str = ""
    """Why that account was chosen."""
    key_type: str = "ec256"
    profile: str | None = None
    """The authority's profile, none when it is gone."""
    preferred_chain: str | None = None
    """Common name of the root to lead to; None: as the account says."""
    is_renewal: bool = False
    is_profile_gone: bool = False
    """The authority does not have the profile that was wished for."""
    was_profile_gone: bool = False
    """The same at the last renewal."""
    replaces: str | None = None
    """Identifier of the certificate that it takes the place of (RFC 9773 section 4.1)."""
    ports: Mapping[str, int] = field(default_factory=dict)
    """In a sandbox: at which port each host answers plain HTTP, or TLS."""
    emergency: str = ""
    """Why the accounts are not asked in the order of preference, where they are not."""
    delegation: delegations.ChallengeDelegation | None = None
    """Where proofs are written that are not written in the zones of the names' own domains."""
    homes: Mapping[str, int] = field(default_factory=dict)
    """The domain that each name belongs to, where there are several names."""
    preferred_by: str = ""
    """Who has said with which accounts to order, where that was said."""
    is_other_set: bool = False
    """Other names than those that are covered now."""
    by_owner: frozenset[str] = frozenset()
    """Names, without `*.`, whose record of dns-persist-01 the owner publishes."""

    def without(self, code: str) -> "CertificateRequest | None":
        """Return what to ask for instead when the authority refuses with `code`, None when nothing."""
        if code == REPLACEMENT_REFUSED and self.replaces is not None:
            return replace(self, replaces=None)
        if code in _PROFILE_GONE and self.profile is not None and self.is_renewal:
            return replace(self, profile=None, is_profile_gone=True)
        return None

    @property
    def is_looked_at(self) -> bool:
        """The authority will ask the hosts, so they must lead here before anything is ordered."""
        led_here = self.is_answered_here or self.delegation is not None
        return led_here and self.account.provider != "local"

    @property
    def is_answered_here(self) -> bool:
        """Nameplate itself answers the challenges: nobody has to be waited for."""
        return self.kind in {"http-01", "tls-alpn-01"}


@dataclass(frozen=True, slots=True)
class OpenOrder:
    """An order under way, with the key of its certificate: both are stored before a name is proved."""

    request: CertificateRequest
    key: Secret
    url: str
    presented: set[str] = field(default_factory=set)
    """URLs of the challenges whose proof is visible to the world."""
    responded: set[str] = field(default_factory=set)
    """URLs of those that the authority was told about."""
    thumbprint: str = ""
    """Of the account's key that the proofs were made with; empty before there are any."""
    waiting_since: datetime | None = None
    """Since when the authority is waited for."""
    unpublished: list[str] = field(default_factory=list)
    """Records that its owner must publish before anything can be proved."""

    def following(self, order: Order) -> "OpenOrder":
        """Return the order with its proofs begun anew where the account has another key by now.

        They are made with the account's key (RFC 8555 section 8.1).
        """
        found = next((one.thumbprint for one in order.challenges), self.thumbprint)
        if found == self.thumbprint or not self.thumbprint:
            return self
        return replace(self, presented=set(), responded=set(), thumbprint=found)

    @property
    def is_told(self) -> bool:
        """The authority was told of all proofs."""
        return bool(self.responded)

    def is_late(self, now: datetime) -> bool:
        """Tell whether the authority has been waited for so long that a person is told."""
        return now - (self.waiting_since or now) > issuance.PATIENCE

    def progress(self) -> ChallengeProgress:
        """Return what goes into `acme_challenge_data`."""
        return ChallengeProgress(
            self.request.account.id,
            reason=self.request.reason,
            presented=frozenset(self.presented),
            responded=frozenset(self.responded),
            names=self.request.hosts if self.request.is_other_set else (),
            thumbprint=self.thumbprint,
            waiting_since=self.waiting_since,
            records=tuple(self.unpublished),
        )

    def next_step(self, order: Order, now: datetime) -> Step:
        """Return the step that brings the order forward, as the authority shows it now."""
        return issuance.next_step(
            order,
            kind=self.request.kind,
            is_strict=bool(self.request.by_owner),
            presented=self.presented,
            responded=self.responded,
            now=now,
        )


def carry(
    sessions: Sessions, tools: Tools, lease: Lease, begun: CertificateRequest | OpenOrder
) -> Fail | None:
    """Bring an order forward until it waits or its certificate is installed; return why it failed.

    Raises `Refused` and `Invalid` for what ends the order as well, `Unavailable` as ever.
    """
    request = begun.request if isinstance(begun, OpenOrder) else begun
    issuer = Issuer(sessions, tools, lease, tools.authority(request.account))
    try:
        if isinstance(begun, OpenOrder):
            return issuer.resume(begun)
        return issuer.begin(begun)
    except Refused as error:
        found = account_keys.explained(sessions, request.account, error)
        if found is error:
            raise
        raise found from error


@dataclass(frozen=True, slots=True)
class Created:
    """An order that the authority has just made, and that nobody knows of yet."""

    lease: Lease
    opened: OpenOrder
    order: Order


def store(sessions: Sessions, tools: Tools, created: Sequence[Created]) -> list[Lease]:
    """Store orders with their keys, and the tokens that Nameplate answers itself, in one go.

    Returns those leases that hold; raises `Superseded` when none does.
    """
    values: dict[Lease, Mapping[str, object]] = {}
    tokens: dict[Place, Sequence[Challenge]] = {}
    for one in created:
        opened, place = one.opened, one.opened.request.place
        tokens[place] = _tokens(one)
        opened.presented.update(challenge.url for challenge in tokens[place])
        sealed = tools.keyring.seal(opened.key, place)
        values[one.lease] = {"sealed": sealed, "url": opened.url, "data": opened.progress()}

    def also(session: Session) -> None:
        hold(session.connection(), {key_id(str(one["sealed"])) for one in values.values()})
        challenges.publish_tokens(session, tokens)
        for one in created:
            request = one.opened.request
            if request.is_profile_gone != request.was_profile_gone:
                gone = request.is_profile_gone
                session.execute(Certificate.noting_profile(one.lease.id, gone=gone))

    kept = work.write(sessions, Certificate, _BEGINNING, values, also=also)
    tools.checkpoint("certificate:order_stored")
    if any(tokens.values()):
        tools.checkpoint("certificate:presented")
    return kept


def _tokens(created: Created) -> Sequence[Challenge]:
    step = created.opened.next_step(created.order, created.lease.now())
    if isinstance(step, Present) and created.opened.request.is_answered_here:
        return step.challenges
    return ()


def await_authority(
    tools: Tools, row: Certificate, opened: OpenOrder, until: datetime, now: datetime
) -> bool:
    """Plan the next look at an order that the authority works on.

    Tells whether that takes long, which the row says then.
    """
    since, is_long = opened.waiting_since or now, opened.is_late(now)
    if is_long:
        why = f"The authority has worked on the order since {since:%Y-%m-%d %H:%M} UTC."
        row.meet("order_undecided", why, None, now)
    row.acme_challenge_data = replace(opened, waiting_since=since).progress()
    row.next_action_at = work.soon(tools, issuance.patient(until, since, now), now)
    return is_long


class Issuer:
    """Takes the steps of one order at its authority, for as long as one lease allows."""

    def __init__(
        self, sessions: Sessions, tools: Tools, lease: Lease, authority: CertificateAuthority
    ) -> None:
        self._sessions = sessions
        self._tools = tools
        self._lease = lease
        self._authority = authority
        self._renewed_at = lease.taken_at

    def begin(self, request: CertificateRequest) -> Fail | None:
        """Spend what an order costs, create it, store it with its key, and go on with it.

        Raises `RateLimited` when a budget is spent.
        """
        opened, order = self.order(request)
        store(self._sessions, self._tools, [Created(self._lease, opened, order)])
        self._renewed_at = self._lease.now()
        return self._advance(opened, order)

    def order(self, request: CertificateRequest) -> tuple[OpenOrder, Order]:
        """Spend what an order costs, and create it; it is to be stored with its key at once."""
        self.keep_lease()
        is_exempt = self._spend(request)
        key = keys.new_key(request.key_type)
        self._tools.checkpoint("certificate:order_intended")
        request, order = self._create(request, is_exempt=is_exempt)
        self._tools.checkpoint("certificate:order_created")
        thumbprint = next((one.thumbprint for one in order.challenges), "")
        return OpenOrder(request, key, order.url, thumbprint=thumbprint), order

    def resume(self, opened: OpenOrder) -> Fail | None:
        """Ask the authority what became of an order, and go on with it."""
        order = self._authority.refresh(opened.url)
        following = opened.following(order)
        failed = self._advance(following, order)
        return failed if failed is None or following is opened else account_keys.CHANGED

    def _advance(self, opened: OpenOrder, order: Order) -> Fail | None:
        """Take steps until one has to wait, or is the last."""
        for _ in range(MAX_STEPS):
            self.keep_lease()
            match step := opened.next_step(order, self._lease.now()):
                case Present(hidden):
                    if not self._present(opened, hidden):
                        self._await_records(opened)
                        return None
                case Respond(untold):
                    self.tell(opened, untold)
                    order = self.look(opened)
                case Finalize():
                    order = self.finalize(opened, order)
                    if order.status is OrderStatus.PROCESSING and not order.retry_after:
                        order = self.look(opened)
                case Download():
                    self._install(opened, order)
                    return None
                case Wait(until):
                    self.await_authority(opened, until)
                    return None
                case Fail():
                    return step
        self.wait(opened, self._lease.now())
        return None

    def _create(
        self, request: CertificateRequest, *, is_exempt: bool
    ) -> tuple[CertificateRequest, Order]:
        """Create the order, without what the authority refuses and what can be left out."""
        while True:
            try:
                order = self._authority.order(request.hosts, request.profile, request.replaces)
            except Refused as error:
                narrower = request.without(error.code)
                if narrower is None:
                    self._give_back(request, is_exempt=is_exempt)
                    raise
                if is_exempt and narrower.replaces is None:
                    is_exempt = self._spend(narrower)
                request = narrower
            else:
                return request, order

    def _spend(self, request: CertificateRequest) -> bool:
        """Spend what an order costs; tell whether that is nothing, for a replacement at its time."""
        if not budgets.limits(request.account).any:
            return False
        return self._record(lambda session, row: self._take(session, row, request))

    def _give_back(self, request: CertificateRequest, *, is_exempt: bool) -> None:
        """Take back what was spent for an order that the authority did not make."""
        if is_exempt or not budgets.limits(request.account).any:
            return
        account = request.account
        self._record(
            lambda session, row: budgets.give_back(
                session, account, self._ordering(session, row, request)
            )
        )

    def _take(self, session: Session, row: Certificate, request: CertificateRequest) -> bool:
        ordering = self._ordering(session, row, request)
        budgets.take_order(session, request.account, ordering, self._lease.now())
        return ordering.is_exempt

    def _ordering(
        self, session: Session, row: Certificate, request: CertificateRequest
    ) -> budgets.Ordering:
        homes = {request.homes.get(host, row.organization_domain_id) for host in request.hosts}
        bases = {session.get_one(Domain, home).domain_name for home in sorted(homes)}
        now = self._lease.now()
        issued, expires = row.issued_at, row.expires_at
        # Outside the window that the authority suggests it is an order as any other.
        begins, ends = row.renewal_window_starts_at, row.renewal_window_ends_at
        return budgets.Ordering(
            row.organization_id, sorted(bases), request.hosts,
            is_urgent=bool(issued and expires and renewal.is_urgent(issued, expires, now)),
            is_exempt=bool(request.replaces and begins and ends and begins <= now < ends),
        )  # fmt: skip

    def _present(self, opened: OpenOrder, hidden: Sequence[Challenge]) -> bool:
        """Publish proofs; tell whether the world can see them."""
        if not opened.request.is_answered_here and not self._are_seen(opened, hidden):
            return False
        opened.presented.update(challenge.url for challenge in hidden)

        def change(session: Session, row: Certificate) -> None:
            if opened.request.is_answered_here:
                challenges.publish_tokens(session, {opened.request.place: hidden})
            row.acme_challenge_data = opened.progress()

        self._record(change)
        self._tools.checkpoint("certificate:presented")
        return True

    def _are_seen(self, opened: OpenOrder, hidden: Sequence[Challenge]) -> bool:
        """Have the TXT records written, and tell whether every authoritative server shows them."""
        led, now = opened.request.delegation, self._lease.now()
        if led is not None and not led.is_ready:
            return False
        owned = [one for one in hidden if one.name in opened.request.by_owner]
        if owned and not self._are_published(opened, owned):
            return False
        written = [one for one in hidden if one.name not in opened.request.by_owner]
        if not written:
            return True
        records = challenges.text_records(written, {} if led is None else led.targets)
        zones = delegations.zones(led, opened.request.homes, written)
        there = self._record(
            lambda s, row: challenges.want_records(s, row, records, now, zones=zones)
        )
        return records <= there and challenges.are_seen(self._tools.resolver, records)

    def _are_published(self, opened: OpenOrder, owned: Sequence[Challenge]) -> bool:
        """Tell whether owners have published what proves their names; say what is missing or wrong."""
        now = self._lease.now()
        found = draft_proofs.explain(self._tools.resolver, owned, now)
        if found is None:
            return True
        unfit = found
        opened.unpublished[:] = unfit.records
        self._record(lambda _session, row: row.meet(unfit.code, unfit.message, None, now))
        return False

    def _await_records(self, opened: OpenOrder) -> None:
        """Look again soon; say what keeps the platform from writing records of its own zone."""
        led = opened.request.delegation
        if opened.request.by_owner:
            self.wait(opened, self._lease.now() + UNPUBLISHED, stopped=True)
            return

        def why(session: Session, row: Certificate) -> bool:
            found = None if led is None else delegations.stopped(session, led)
            if found is not None:
                row.meet(found.code, found.message, found.waits_for, self._lease.now())
            return found is not None

        stopped = led is not None and self._record(why)
        self.wait(opened, self._lease.now() + UNSEEN, stopped=stopped)

    def tell(self, opened: OpenOrder, untold: Sequence[Challenge]) -> None:
        """Tell the authority that these proofs can be seen."""
        self._tools.checkpoint("certificate:respond_intended")
        for challenge in untold:
            self._authority.respond(challenge)
        self._tools.checkpoint("certificate:responded")
        # Stored when there is something to wait for: asking once more is harmless.
        opened.responded.update(challenge.url for challenge in untold)

    def look(self, opened: OpenOrder) -> Order:
        """Return the order as the authority shows it now, without proofs that it has begun to look at."""
        authority = self._authority
        is_begun = opened.is_told and not opened.is_late(self._lease.now())
        if is_begun and isinstance(authority, OrderPoller):
            return authority.poll(opened.url)
        return authority.refresh(opened.url)

    def finalize(self, opened: OpenOrder, order: Order) -> Order:
        """Ask for the certificate."""
        # The stored key and order are the intent: what became of it, the order's status will say.
        self._tools.checkpoint("certificate:finalize_intended")
        csr = x509.csr(opened.key, opened.request.hosts)
        finalized = self._authority.finalize(order, csr)
        self._tools.checkpoint("certificate:finalized")
        return finalized

    def complete(self, opened: OpenOrder, order: Order) -> generations.Issued:
        """Fetch the certificate and check it."""
        request, now = opened.request, self._lease.now()

        def check(bundle: bytes) -> x509.Facts:
            return x509.check(bundle, opened.key, request.hosts, now)

        chosen = self._download(request, order, check)
        bundle = chosen.bundle
        self._tools.checkpoint("certificate:downloaded")
        return generations.Issued(
            bundle,
            facts=check(bundle),
            info=self._info(bundle),
            is_local=request.account.provider == "local",
            sealed_key=self._tools.keyring.seal(opened.key, request.served_place),
            account_id=request.account.id,
            reason=request.reason,
            chain_note=chosen.note,
        )

    def _install(self, opened: OpenOrder, order: Order) -> None:
        issued = self.complete(opened, order)
        request, now = opened.request, self._lease.now()
        jitter = self._tools.jitter()

        def install(session: Session, row: Certificate) -> None:
            budgets.forgive(session, request.account, request.hosts)
            rollout.keep_former(self._tools.keyring, row, request.hosts, now)
            row.cover(request.hosts)
            generations.install(session, row, issued, jitter, now)

        work.record(self._sessions, Certificate, self._lease, install, release=True)
        outages.end(self._sessions, request.account)
        self._tools.checkpoint("certificate:installed")

    def _download(
        self, request: CertificateRequest, order: Order, check: Callable[[bytes], object]
    ) -> ChosenChain:
        """Fetch the chain that is preferred, where the authority offers it."""
        preferred = request.preferred_chain or request.account.config.get("preferred_chain")
        if not preferred:
            return ChosenChain(self._authority.download(order))
        if isinstance(self._authority, ChainOffer):
            return chain_choice.choose(self._authority.chains(order), preferred, check)
        return chain_choice.choose([self._authority.download(order)], preferred, check)

    def _info(self, bundle: bytes) -> RenewalInfo | None:
        try:
            return renewal_info.of(self._authority, bundle)
        except NameplateError:
            return None  # advice is welcome, not needed

    def await_authority(self, opened: OpenOrder, until: datetime) -> None:
        """Leave the row until the authority may have decided."""

        def change(_session: Session, row: Certificate) -> bool:
            return await_authority(self._tools, row, opened, until, self._lease.now())

        work.record(
            self._sessions, Certificate, self._lease, change, release=True, stopped=bool
        )  # fmt: skip

    def wait(self, opened: OpenOrder, until: datetime, *, stopped: bool = False) -> None:
        """Store what is known, and leave the row until then."""

        def change(_session: Session, row: Certificate) -> None:
            row.acme_challenge_data = opened.progress()
            row.next_action_at = work.soon(self._tools, until, self._lease.now())

        work.record(
            self._sessions, Certificate, self._lease, change, release=True, stopped=stopped
        )  # fmt: skip

    def keep_lease(self) -> None:
        """Renew the lease when half of it is over. Raises `Superseded` when somebody else has the row."""
        if self._lease.now() - self._renewed_at > (self._lease.until - self._lease.taken_at) / 2:
            self._record(lambda _session, _row: None)

    def _record(self, change: Callable[[Session, Certificate], T]) -> T:
        result = work.record(self._sessions, Certificate, self._lease, change, release=False)
        self._renewed_at = self._lease.now()
        return result
