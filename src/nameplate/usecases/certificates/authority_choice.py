"""Which of several accounts at authorities a new generation is ordered with, and why.

The first in the order of preference that CAA lets issue and that is not left alone. The choice holds for
the generation: once its order is stored, no other authority is asked before that has ended.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from nameplate.core import authorities as known
from nameplate.core.caa_policy import Applicant
from nameplate.db import Sessions
from nameplate.models import Account
from nameplate.ports.ca import RegisteredAccount
from nameplate.usecases.certificates import outages
from nameplate.usecases.certificates.caa_looks import CaaLook, CaaObstacle, CaaUnanswered, SeenCaa
from nameplate.usecases.certificates.order import CertificateRequest
from nameplate.usecases.tools import Tools


@dataclass(frozen=True, slots=True)
class _Passed:
    """An account that is not ordered with, and why."""

    account: Account
    why: str


def choose(
    sessions: Sessions,
    tools: Tools,
    request: CertificateRequest,
    now: datetime,
    seen: SeenCaa | None = None,
) -> CertificateRequest | CaaObstacle:
    """Return the request with the account to order with, or why none may issue. Asks the network.

    `seen` is what was seen of CAA in the same step, and is added to.
    """
    looks = CaaLook(tools, request.hosts, {} if seen is None else seen)
    passed: list[_Passed] = []
    away: list[Account] = []
    obstacles: list[CaaObstacle] = []
    try:
        for account in request.accounts:
            obstacle = _obstacle(tools, looks, request, account)
            if obstacle is not None:
                passed.append(_Passed(account, _excluded(account, obstacle)))
                obstacles.append(obstacle)
            elif len(request.accounts) > 1 and not outages.may_try(sessions, account, now):
                passed.append(_Passed(account, f"{title(account)} does not answer"))
                away.append(account)
            else:
                return _chosen(request, account, passed)
    except CaaUnanswered as error:
        return error.obstacle
    if away:  # whoever waits for it has one try it
        return _chosen(request, away[0], [one for one in passed if one.account not in away])
    return _none_may(request, obstacles[0])


def forbidden(tools: Tools, request: CertificateRequest) -> CaaObstacle | None:
    """Return why CAA lets none of the authorities issue, None when one may. Asks the network."""
    looks = CaaLook(tools, request.hosts)
    obstacles: list[CaaObstacle] = []
    try:
        for account in request.accounts:
            obstacle = _obstacle(tools, looks, request, account)
            if obstacle is None:
                return None
            obstacles.append(obstacle)
    except CaaUnanswered as error:
        return error.obstacle
    return _none_may(request, obstacles[0]) if obstacles else None


def _obstacle(
    tools: Tools, looks: CaaLook, request: CertificateRequest, account: Account
) -> CaaObstacle | None:
    """Tell what CAA has against an account; nothing where its issuer domain names are not known."""
    issuers = known.caa_identities(account.provider, account.config)
    if not issuers or account.provider == known.LOCAL:
        return None

    def url() -> str:
        authority = tools.authority(account)
        return authority.account_url if isinstance(authority, RegisteredAccount) else ""

    return looks.obstacle(Applicant(issuers, request.kind, url), title(account))


def _chosen(
    request: CertificateRequest, account: Account, passed: Sequence[_Passed]
) -> CertificateRequest:
    named = title(account)
    if len(request.accounts) == 1:
        whose = _whose(request)
        reason = f"{named} is the only authority{' in the preference' if whose else ''}{whose}."
    elif not passed and request.emergency:
        reason = f"It is the turn of {named}."
    elif not passed:
        reason = f"{named} is the first in the order of preference{_whose(request)}."
    else:
        why = "; ".join(one.why for one in passed)
        reason = f"{why}; {named} is the next in the order of preference{_whose(request)}."
    reason = f"{request.emergency} {reason}".strip()
    replaces = request.replaces if account is request.account else None  # it is another authority's
    return replace(request, account=account, reason=reason, replaces=replaces)


def _whose(request: CertificateRequest) -> str:
    return f" of the {request.preferred_by}" if request.preferred_by else ""


def _none_may(request: CertificateRequest, first: CaaObstacle) -> CaaObstacle:
    """Return what is to be changed for the preferred authority, and that the others may not either."""
    others = ", ".join(title(one) for one in request.accounts[1:])
    if not others or first.code != "caa_excludes":
        return first
    return replace(first, message=f"{first.message} {others} may not issue either.")


def _excluded(account: Account, obstacle: CaaObstacle) -> str:
    place = obstacle.addresses[0].partition(" ")[0] if obstacle.addresses else "the name"
    return f"CAA at {place} does not let {title(account)} issue"


def title(account: Account) -> str:
    """Return what the authority of an account is called."""
    return known.title(account.provider, account.config)
