"""Asking DNS hosts for Domain Connect: the zone's record says where, so a stranger chose the host."""

import json
import ssl
from datetime import timedelta

from nameplate.adapters.http.fetch import SafeFetcher
from nameplate.core.domain_connect.provider import Provider, ProviderPrefix, provider, recorded
from nameplate.core.domain_connect.service import ConnectService
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import NameplateError, Refused, Unavailable
from nameplate.ports.fetcher import Fetched, HttpOutcome
from nameplate.ports.resolver import AnswerKind, Resolver

_LABEL = "_domainconnect"
_MAX_RECORDS = 3
"""Records of one zone that are followed: each may cost a request."""
_MAX_SETTINGS = 64 * 1024
_MAX_TEMPLATE = 256 * 1024
_NOT_FOUND, _TOO_MANY, _BROKEN = 404, 429, 500
_ABSENT = frozenset({AnswerKind.NODATA, AnswerKind.NXDOMAIN})
_LATER = frozenset({HttpOutcome.NO_ADDRESS, HttpOutcome.UNREACHABLE, HttpOutcome.TIMEOUT})
_REFUSED: dict[HttpOutcome, tuple[str, str]] = {
    HttpOutcome.ADDRESS_REFUSED: ("address", "has an address that is not on the public Internet"),
    HttpOutcome.TLS_FAILED: ("tls", "has no certificate that is valid for its name"),
    HttpOutcome.REDIRECT_REFUSED: ("redirect", "redirects instead of answering"),
}


class HttpDomainConnect:
    """Implements `DomainConnect`. Threads may share it.

    Addresses are vetted, certificates checked, and redirects refused: an answer counts only from
    the host that the zone names.
    """

    def __init__(
        self,
        service: ConnectService,
        resolver: Resolver,
        policy: EgressPolicy,
        *,
        tls: ssl.SSLContext | None = None,
        port: int = 443,
        deadline: timedelta = timedelta(seconds=10),
    ) -> None:
        """Set `tls` (default: the system's trust) and `port` for private networks and tests only."""
        self._service = service
        self._resolver = resolver
        self._fetcher = SafeFetcher(
            policy,
            resolver.addresses,
            same_site=_no_redirects,
            ports={"https": port},
            deadline=deadline,
            tls=tls or ssl.create_default_context(),
        )

    @property
    def service(self) -> ConnectService:
        """The platform's own entry: its template and its key."""
        return self._service

    def discover(self, zone: str) -> Provider | None:
        """Follow up to three records in turn until one leads to settings for the zone.

        Of several that lead nowhere the last one's error is raised.
        """
        failure: NameplateError | None = None
        for prefix in self._prefixes(zone):
            try:
                found = self._settings(prefix, zone)
            except (Refused, Unavailable) as error:
                failure = error
                continue
            if found is not None:
                return found
        if failure is not None:
            raise failure
        return None

    def knows(self, provider: Provider) -> bool:
        """Tell whether the DNS host has the template; what else it says of it is not needed."""
        path = f"{provider.api.path}{self._service.path}"
        return self._fetched(provider.api, path, _MAX_TEMPLATE) is not None

    def _prefixes(self, zone: str) -> list[ProviderPrefix]:
        answers = self._resolver.authoritative(f"{_LABEL}.{zone}", "TXT").answers
        texts = {text for one in answers if one.kind is AnswerKind.DATA for text in one.values}
        if not texts and not any(one.kind in _ABSENT for one in answers):
            raise Unavailable(
                "domain_connect_dns", f"No name server of {zone} answered. Try again later."
            )
        found = [prefix for text in sorted(texts) if (prefix := recorded(text)) is not None]
        if texts and not found:
            raise Refused(
                "domain_connect_malformed",
                f"The TXT record at {_LABEL}.{zone} is not a host name. Enter the records by hand.",
            )
        return found[:_MAX_RECORDS]

    def _settings(self, prefix: ProviderPrefix, zone: str) -> Provider | None:
        body = self._fetched(prefix, f"{prefix.path}/v2/{zone}/settings", _MAX_SETTINGS)
        if body is None:
            return None
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        return provider(document)

    def _fetched(self, prefix: ProviderPrefix, path: str, most: int) -> bytes | None:
        """Return the body of a success, None for 404; raise for everything else."""
        fetched = self._fetcher.fetch(prefix.host, path, scheme="https", max_body=most)
        if fetched.category is not HttpOutcome.ANSWERED:
            raise _failed(prefix.host, fetched)
        if 200 <= fetched.status < 300:  # noqa: PLR2004  # the class of success, RFC 9110
            return fetched.body
        if fetched.status == _NOT_FOUND:
            return None
        told = (
            f"{prefix.host} answered the Domain Connect request with HTTP status {fetched.status}."
        )
        if fetched.status == _TOO_MANY or fetched.status >= _BROKEN:
            raise Unavailable("domain_connect_unavailable", f"{told} Try again later.")
        raise Refused("domain_connect_refused", f"{told} Enter the records by hand.")


def _no_redirects(_one: str, _other: str) -> bool:
    return False


def _failed(host: str, fetched: Fetched) -> NameplateError:
    if fetched.category in _LATER:
        return Unavailable(
            "domain_connect_unreachable",
            f"The Domain Connect server {host} cannot be reached ({fetched.category}). Try "
            "again later, or enter the records by hand.",
        )
    slug, told = _REFUSED.get(
        fetched.category, ("malformed", f"sent an answer that cannot be read ({fetched.category})")
    )
    return Refused(
        f"domain_connect_{slug}",
        f"The Domain Connect server {host} {told}. Enter the records by hand.",
    )
