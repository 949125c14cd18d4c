"""Having the network in front of a host forget what it keeps of it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from nameplate.core import cdn, names
from nameplate.core.actor import PLATFORM, Actor
from nameplate.core.errors import Conflict, Invalid, Problem
from nameplate.db import Sessions, database_now
from nameplate.models import Account, Domain
from nameplate.ports.cdn import MAX_URLS, CdnProvider, Purge
from nameplate.ports.dns import Zone
from nameplate.usecases import holders, lookup
from nameplate.usecases.tools import Tools

_SCHEMES = ("https", "http")
MAX_PATHS = MAX_URLS // len(_SCHEMES)
MAX_PATH = 2000
"""Characters of a path with its query."""
_PATH = re.compile(r"/[A-Za-z0-9/?&=%._~!$'()*+,;:@-]*")


@dataclass(frozen=True, slots=True)
class CachePurge:
    """What is forgotten, and by whom."""

    domain_id: int
    provider: str
    what: Purge


@dataclass(frozen=True, slots=True)
class _Planned:
    purge: CachePurge
    account: Account
    zone: Zone


def purge(  # noqa: PLR0917 - what every use case takes, and what is to be purged
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    reference: str,
    host: str | None = None,
    paths: Sequence[str] = (),
    *,
    dry_run: bool = False,
) -> CachePurge:
    """Have a host's cache forget some paths, or without any all of it.

    Raises Invalid `path_invalid`, `host_not_in_domain`; Conflict `domain_not_proved`, `cdn_missing` where
    the host is not behind a network that can be told; RateLimited `purges_spent`; what the provider raises.
    """
    urls = _checked(paths)
    with sessions.begin(actor) as session:
        domain = lookup.domain(session, actor, reference)
        if not dry_run:
            session.refresh(domain, with_for_update=True)
        bare = holders.held_name(domain)
        name = bare if host is None else _host(tools, host, bare)
        _check(session, domain, name)
        if not dry_run:
            domain.ask_for_purge(database_now(session))
    with sessions.look() as session:
        planned = _planned(session, domain, name, urls)
    provider = tools.dns_provider(planned.account)
    if not isinstance(provider, CdnProvider):
        raise _missing(name)
    if not dry_run:
        provider.purge(planned.zone, planned.purge.what)
    return planned.purge


def _checked(paths: Sequence[str]) -> Sequence[str]:
    if len(paths) > MAX_PATHS:
        detail = f"Expected {MAX_PATHS} paths at most. Without paths the whole host is purged."
        raise Invalid("path_invalid", detail, [Problem("/paths", "path_invalid", detail)])
    for number, path in enumerate(paths):
        if len(path) > MAX_PATH or not _PATH.fullmatch(path):
            detail = (
                f"Expected a path with its query as a browser sends it, up to {MAX_PATH} characters: "
                "it begins with `/`, and other letters than ASCII are percent-encoded."
            )
            place = f"/paths/{number}"
            raise Invalid("path_invalid", detail, [Problem(place, "path_invalid", detail)])
    return tuple(dict.fromkeys(paths))


def _host(tools: Tools, host: str, bare: str) -> str:
    found = names.parse(host, private_suffix=True, special_use=tools.special_use).name
    if names.is_within(found, bare):
        return found
    detail = f"Expected {bare} or a host below it."
    raise Invalid("host_not_in_domain", detail, [Problem("/host", "host_not_in_domain", detail)])


def _check(session: Session, domain: Domain, name: str) -> None:
    """Refuse what the organization may not use now, and what no network stands in front of."""
    if not holders.holds(session, domain.organization_id, name, live=domain.id):
        raise Conflict("domain_not_proved", f"The organization does not hold {name} now.")
    seen = domain.dns.cdn
    if seen is None or not cdn.covers(seen.hosts, name):
        raise _missing(name)


def _planned(session: Session, domain: Domain, name: str, paths: Sequence[str]) -> _Planned:
    account = Account.visible(PLATFORM).where(Account.id == domain.dns_account_id)
    found = session.scalars(account).one_or_none()
    if found is None or not domain.dns.zone:
        raise _missing(name)
    urls = tuple(f"{scheme}://{name}{path}" for path in paths for scheme in _SCHEMES)
    what = Purge(urls=urls) if urls else Purge(hosts=(name,))
    zone = Zone(domain.dns.zone, domain.dns_zone_id or "")
    return _Planned(CachePurge(domain.id, found.provider, what), found, zone)


def _missing(name: str) -> Conflict:
    return Conflict(
        "cdn_missing",
        f"{name} is not behind a CDN that Nameplate can purge: it has no proxied record at its DNS host.",
    )
