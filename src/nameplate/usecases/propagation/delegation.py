"""Whether the zone at a domain's account is the one that the Internet sees: looked at beside records."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import islice

from sqlalchemy.orm import Session

from nameplate.core import delegation, names
from nameplate.core.actor import PLATFORM
from nameplate.core.conditions import Condition
from nameplate.core.delegation import Delegated
from nameplate.core.errors import NameplateError
from nameplate.db import Sessions, database_now
from nameplate.models import Account, Domain, KnownDelegation, Record
from nameplate.models.orm import among
from nameplate.ports.dns import NameServers, Zone
from nameplate.ports.resolver import AnswerKind, Delegation
from nameplate.usecases import holders
from nameplate.usecases.tools import Tools

SOONEST = timedelta(minutes=1)
"""Between two looks while a record is not seen."""
SETTLED = timedelta(days=1)
"""Between two looks while all is well."""
PROVIDER_AGAIN = timedelta(days=7)
"""How long the name servers that the provider told are taken for true."""
PROVIDER_SETTLES = timedelta(minutes=15)
"""How long a provider may take to serve what it has confirmed."""
_MAX_KEPT = 20
_TOGETHER = 12
"""Domains that are locked in one transaction, at most."""


@dataclass(frozen=True, slots=True)
class Question:
    """Which domain's delegation to look at, read before the network is asked."""

    domain_id: int
    name: str
    account_zone: str
    account: Account | None
    """Whose provider is to be asked for the name servers; None: `expected` is recent enough."""
    external_zone_id: str
    expected: tuple[str, ...]
    expected_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answered:
    """What came of a question."""

    question: Question
    seen: Delegated
    expected: tuple[str, ...]
    fresh: bool
    """The provider was asked for `expected` just now."""


def question(session: Session, domain: Domain, now: datetime, *, doubtful: bool) -> Question | None:
    """Return what to ask when a look is due; `doubtful`: a record of the domain is not seen."""
    zone, account_id = domain.dns.zone, domain.dns_account_id
    if not zone or account_id is None:
        return None
    known = domain.delegation or KnownDelegation()
    same_zone = known.account_zone == zone
    wait = SOONEST if doubtful else SETTLED
    if same_zone and not known.is_due and _age(known.at, now) < wait:
        return None
    told = known if same_zone else KnownDelegation()
    stale = _age(told.expected_at, now) >= PROVIDER_AGAIN
    account = session.get(Account, account_id) if stale else None
    return Question(
        domain.id,
        holders.held_name(domain),
        zone,
        account if account is not None and account.deleted_at is None else None,
        domain.dns_zone_id or "",
        told.expected,
        told.expected_at,
    )


def _age(at: datetime | None, now: datetime) -> timedelta:
    return timedelta.max if at is None else now - at


def ask_again(domain: Domain) -> None:
    """Have the delegation looked at beside the next look at a record, however recent the last is."""
    if domain.delegation:
        domain.delegation = replace(domain.delegation, is_due=True)


def ask(tools: Tools, question: Question) -> Answered:
    """Ask the DNS and, where that is due, the provider. Never raises for what they say."""
    found = tools.resolver.delegation(question.name)
    told = None if question.account is None else _name_servers(tools, question.account, question)
    expected = question.expected if told is None else told
    return Answered(question, _delegated(found), expected, fresh=told is not None)


def _name_servers(tools: Tools, account: Account, question: Question) -> tuple[str, ...] | None:
    """Return the name servers of the account's zone; None when the provider does not tell now."""
    zone = Zone(question.account_zone, question.external_zone_id)
    try:
        provider = tools.dns_provider(account)
        if isinstance(provider, NameServers):
            return tuple(provider.name_servers(zone))[:_MAX_KEPT]
        apex = (r for r in provider.records(zone) if r.key == (zone.name, "NS"))
        return tuple(sorted(v.removesuffix(".") for r in apex for v in r.values))[:_MAX_KEPT]
    except NameplateError:
        return None


def _delegated(found: Delegation) -> Delegated:
    data = [one for one in found.answers if one.kind is AnswerKind.DATA]
    other = [one for one in found.answers if one.kind is not AnswerKind.DATA]
    told = {one: f"{one.server} {one.detail or one.kind.value}" for one in other}
    return Delegated(
        zone=found.zone,
        parent=found.parent[:_MAX_KEPT],
        child=tuple(sorted({v.removesuffix(".") for one in data for v in one.values}))[:_MAX_KEPT],
        lame=tuple(told[one] for one in other if one.kind is not AnswerKind.TIMEOUT),
        silent=tuple(told[one] for one in other if one.kind is AnswerKind.TIMEOUT),
        working=len(data),
    )


def note(sessions: Sessions, answers: Iterable[Answered]) -> None:
    """Record what was seen. A look that found no zone at all does not replace one that did.

    Several domains are locked together.
    """
    left = iter(answers)
    while some := list(islice(left, _TOGETHER)):
        by_domain = {answered.question.domain_id: answered for answered in some}
        sessions.run(PLATFORM, partial(_note, answers=by_domain))


def _note(session: Session, *, answers: Mapping[int, Answered]) -> None:
    rows = session.scalars(_LOCKED, {"ids": list(answers)}).all()
    now = database_now(session)
    for row in rows:
        answered = answers[row.id]
        asked = answered.question
        if row.dns.zone != asked.account_zone:
            continue
        row.delegation = KnownDelegation(
            account_zone=asked.account_zone,
            seen=answered.seen if answered.seen.zone else _kept(row, answered),
            at=now,
            expected=answered.expected,
            expected_at=now if answered.fresh else asked.expected_at,
        )


_LOCKED = (
    Domain.visible(PLATFORM)
    .where(among(Domain.id, "ids"))
    .order_by(Domain.id)
    .with_for_update(key_share=True)
)


def _kept(row: Domain, answered: Answered) -> Delegated:
    """Return what was seen of the same zone before, or else the look that found none."""
    known = row.delegation
    if known is None or known.account_zone != answered.question.account_zone:
        return answered.seen
    return known.seen if known.seen is not None and known.seen.zone else answered.seen


def condition(domain: Domain, rows: Sequence[Record], *, visible: bool = False) -> Condition | None:
    """Compare the last look with the account's zone; None when there is nothing to say.

    `rows` are records that the authoritative servers do not have, `visible` whether they have others.
    """
    zone = domain.dns.zone
    if not zone:
        return None
    for row in rows:
        look = None if row.propagated else row.propagation
        if look is not None and names.is_below(look.zone, zone):
            servers = sorted({one.answer.server for one in look.authoritative})
            return delegation.cut_below(zone, look.zone, servers)
    known = domain.delegation
    if known is None or known.account_zone != zone or known.seen is None:
        return None
    return delegation.condition(zone, known.expected, known.seen, visible=visible or _visible(rows))


def _visible(rows: Sequence[Record]) -> bool | None:
    """Tell whether the authoritative servers answer with anything that the provider has."""
    if any(row.propagated for row in rows):
        return True
    looks = [(row, look) for row in rows if (look := row.propagation) is not None]
    if any(one.seen for _, look in looks for one in look.authoritative):
        return True
    settled = [
        look
        for row, look in looks
        if row.last_synced_at is not None and look.at - row.last_synced_at >= PROVIDER_SETTLES
    ]
    denied = settled and all(look.denied for look in settled)
    return False if denied else None
