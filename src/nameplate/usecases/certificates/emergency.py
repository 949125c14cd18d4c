"""When a certificate is about to end and its renewal fails: other authorities, and another challenge.

    a tenth of the lifetime is left ─▶ each attempt goes to the next authority in the order of preference
    all of them were tried          ─▶ the next challenge that is possible for these names

The attempts are one after the other: a new one begins when the last has failed for good.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from nameplate.core import renewal
from nameplate.core.errors import Refused
from nameplate.models import Account, Certificate, ChallengeType, Domain
from nameplate.usecases.certificates import coverage, preferences, renewal_info
from nameplate.usecases.certificates.order import CertificateRequest
from nameplate.usecases.tenants import ca_accounts
from nameplate.usecases.tools import Tools

_ROUND = (ChallengeType.HTTP_01, ChallengeType.TLS_ALPN_01, ChallengeType.DNS_01)
"""In this order: what needs no record comes first. Where the names' domains have no DNS account, the
last is written where the owner has delegated it to."""
WAITS = timedelta(minutes=10)
"""How long an order under way waits in an emergency for an authority that does not answer."""


def is_on(row: Certificate, now: datetime) -> bool:
    """Tell whether what is served ends soon although its renewal was tried."""
    issued, expires = row.issued_at, row.expires_at
    if row.certificate is None or issued is None or expires is None or row.is_uploaded:
        return False
    is_failing = row.renewal_attempts > 0 or row.trouble_code is not None
    return is_failing and renewal.is_emergency(issued, expires, now)


def reason(row: Certificate, now: datetime) -> str | None:
    """Return the sentence about it, None when there is no emergency."""
    if not is_on(row, now) or row.expires_at is None:
        return None
    return (
        f"The certificate ends at {row.expires_at:%Y-%m-%d %H:%M} UTC and {row.renewal_attempts} "
        "attempts to renew it have failed. Other authorities and challenges are tried, too."
    )


def in_turn(row: Certificate, accounts: Sequence[Account], now: datetime) -> Sequence[Account]:
    """Return the accounts to choose from, in an emergency beginning with the next one."""
    if len(accounts) < 2 or not is_on(row, now):  # noqa: PLR2004 - there is nothing to choose
        return accounts
    first = row.renewal_attempts % len(accounts)
    return [*accounts[first:], *accounts[:first]]


def adapted(row: Certificate, request: CertificateRequest, now: datetime) -> CertificateRequest:
    """Return what to order in an emergency, with the reason; without one the request as it is."""
    accounts = in_turn(row, request.accounts, now)
    why = reason(row, now)
    if why is None or not accounts:
        return request
    return replace(
        request,
        account=accounts[0],
        accounts=accounts,
        emergency=why,
        replaces=renewal_info.replaced(row, accounts[0]),
    )


def ends_order(row: Certificate, now: datetime) -> bool:
    """Tell whether an order is given up because its authority has been away for a while."""
    since = row.trouble_since
    return is_on(row, now) and since is not None and now - since >= WAITS


def next_attempt(session: Session, tools: Tools, row: Certificate) -> None:
    """Change the challenge when every authority has refused the certificate with the present one."""
    try:
        accounts = ca_accounts.authority_accounts(session, row.organization_id, row.authorities)
    except Refused:
        return
    if row.renewal_attempts % len(accounts) == 0:
        change_challenge(session, tools, row)


def change_challenge(session: Session, tools: Tools, row: Certificate) -> bool:
    """Have the names proved in the next way that is possible for all of them.

    Nothing is under way: a challenge that is presented stays what it is. Return whether that is one of
    this round: after the last the first is tried again.
    """
    if row.pending_private_key is not None:
        return False
    there = coverage.read(session, row)
    main = session.get_one(Domain, row.organization_domain_id)
    homes = {host: there.homes.get(host, main.id) for host in there.hosts}
    known = row.acme_challenge_type or ChallengeType.HTTP_01
    place = _ROUND.index(known) if known in _ROUND else -1  # a draft: all others are tried
    for one in (*_ROUND[place + 1 :], *_ROUND[:place]) if homes else ():
        if preferences.can_prove(session, tools, main, homes, one):
            row.acme_challenge_type = one
            return _ROUND.index(one) > place
    return False
