"""RDAP as a running Nameplate uses it: certificates checked, redirects between registries followed."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from nameplate.adapters.http.client import trusted
from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.adapters.rdap.bootstrap import Bootstrap
from nameplate.adapters.rdap.client import RdapClient
from nameplate.core.egress import EgressPolicy
from nameplate.ports.resolver import Resolver


def connect(
    policy: EgressPolicy, resolver: Resolver, clock: Callable[[], datetime], kept: Path
) -> RdapClient:
    """Return what asks registries; a fetched list of them is kept in the file `kept`.

    A registry may send on to another site (RFC 7480 section 5.2); each address is vetted all the same.
    """
    fetcher = SafeFetcher(policy, resolver.addresses, same_site=_any_site, tls=trusted())
    return RdapClient(fetcher, Bootstrap(fetcher, clock, kept=kept), clock)


def _any_site(_one: str, _other: str) -> bool:
    return True
