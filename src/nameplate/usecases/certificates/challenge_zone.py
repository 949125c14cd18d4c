"""Whether the platform's zone for delegated challenges works: one record written, seen and removed."""

import time
from collections.abc import Sequence

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError
from nameplate.core.rdata.text import quoted
from nameplate.core.records import Change, RRset
from nameplate.db import Sessions
from nameplate.models import Account, Domain
from nameplate.ports.dns import DnsProvider, Outcome, Result, Zone
from nameplate.usecases.certificates import challenges
from nameplate.usecases.operations.checkup import Finding
from nameplate.usecases.tools import Tools

SUBJECT = "challenge zone"
SEEN_WITHIN = 5.0
"""Seconds that the name servers have for a record that was written."""


def check(sessions: Sessions, tools: Tools) -> list[Finding]:
    """Return whether proofs can be written in the zone and are seen; nothing without such a zone."""
    zone = tools.challenge_zone
    if zone is None:
        return []
    row, account = _rows(sessions, zone)
    if row is None:
        fix = (
            f"Add it: `nameplate domain add {zone} --organization ORGANIZATION --account ACCOUNT`."
        )
        return [_bad(f"There is no domain {zone}.", fix)]
    if row.holding_name is None or account is None:
        lacking = "is not proved" if row.holding_name is None else "has no DNS account"
        fix = f"`nameplate domain show {zone}` says what to do."
        return [_bad(f"The domain {zone} {lacking}.", fix)]
    if not any(one.values for one in tools.resolver.authoritative(zone, "NS").answers):
        fix = "Delegate it by NS records in the zone above it to the name servers that have it."
        return [_bad(f"No name server answers for {zone}: it is not delegated.", fix)]
    try:
        return [_tried(tools, tools.dns_provider(account), zone, account.name)]
    except NameplateError as error:
        return [_bad(f"The account {account.name} cannot be used: {error.detail}", _CHECK)]


def _rows(sessions: Sessions, zone: str) -> tuple[Domain | None, Account | None]:
    """Return the domain of the zone, the one that is held if there is, and its account."""
    with sessions.look() as session:
        query = Domain.visible(PLATFORM).where(Domain.full_domain == zone)
        row: Domain | None = session.scalars(
            query.order_by(Domain.holding_name.is_(None), Domain.id).limit(1)
        ).first()
        known = None if row is None else row.dns_account_id
        return row, None if known is None else session.get(Account, known)


_CHECK = "Check the account with `nameplate account test`."


def _bad(message: str, fix: str) -> Finding:
    return Finding(SUBJECT, ok=False, message=message, fix=fix)


def _tried(tools: Tools, provider: DnsProvider, zone: str, account: str) -> Finding:
    """Write a TXT record, look for it at every name server, and remove it."""
    found = [one for one in provider.zones() if zone == one.name or zone.endswith(f".{one.name}")]
    if not found:
        return _bad(f"The account {account} has no zone for {zone}.", _CHECK)
    at = max(found, key=lambda one: len(one.name))
    value = quoted([tools.random(8).hex().encode()])
    name = f"nameplate-check-{tools.random(8).hex()}.{zone}"
    written = RRset(name, "TXT", challenges.TTL, (value,))
    try:
        said = _applied(provider, at, Change(None, written))
        if said.result is not Result.APPLIED:
            return _bad(f"The account {account} cannot write in {zone}: {said.detail}", _CHECK)
        if not _is_seen(tools, name, value):
            return _bad(
                f"A record that was written in {zone} does not show at its name servers after "
                f"{SEEN_WITHIN:g} s.",
                "Check that the zone is delegated to the servers that the account writes.",
            )
    finally:
        _applied(provider, at, Change(written, None))
    return Finding(SUBJECT, ok=True, message=f"Proofs can be written in {zone} and are seen.")


def _applied(provider: DnsProvider, zone: Zone, change: Change) -> Outcome:
    outcomes: Sequence[Outcome] = provider.apply(zone, [change])
    return outcomes[0]


def _is_seen(tools: Tools, name: str, value: str) -> bool:
    until = time.monotonic() + SEEN_WITHIN
    while not challenges.are_seen(tools.resolver, [(name, value)]):
        if time.monotonic() > until:
            return False
        time.sleep(0.3)
    return True
