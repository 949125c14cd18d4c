"""The long tail of providers, through dns-lexicon (the extra `lexicon`). Limited.

It knows no batches and no TTL for a single record, cannot tell a refusal from a failure everywhere,
and some of its providers rewrite values; what it wrote is therefore read back. Prefer an adapter of
our own where there is one.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from nameplate.adapters.changes import rows
from nameplate.adapters.changes.answers import ChangeRefused, short
from nameplate.adapters.changes.creations import Creations
from nameplate.adapters.changes.dispatch import Batch, Ids, dispatch
from nameplate.adapters.changes.rows import Row
from nameplate.adapters.changes.singly import Singly
from nameplate.adapters.changes.triage import triage
from nameplate.core import names
from nameplate.core.configuration import (
    Credential,
    Credentials,
    DomainName,
    between,
    setting,
)
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.provider_limits import refusals
from nameplate.core.rdata import canonical
from nameplate.core.rdata.raw import from_raw, is_presentation, raw
from nameplate.core.records import Change, RRset
from nameplate.core.secret import Secret
from nameplate.ports.dns import DnsConfiguration, DnsProviderPlugin, Outcome, Zone

Key = tuple[str, str]
Provider = Any  # dns-lexicon's providers share a class, but load at run time

_HOSTS = frozenset({"CNAME", "MX", "NS", "PTR"})
_CREDENTIAL, _NOT_FOUND, _TOO_MANY = frozenset({401, 403}), 404, 429
_REFUSED = range(400, 500)
_OPTIONS = (
    *("api_key", "auth_2fa", "auth_access_key", "auth_access_secret", "auth_account"),
    *("auth_api_key", "auth_api_password", "auth_application_key", "auth_application_secret"),
    *("auth_client_id", "auth_client_ip", "auth_client_secret", "auth_consumer_key"),
    *("auth_customer_id", "auth_fingerprint", "auth_id", "auth_key", "auth_key_content"),
    *("auth_key_id", "auth_pass", "auth_pass_phrase", "auth_password", "auth_region"),
    *("auth_secret", "auth_secret_key", "auth_subid", "auth_subscription_id", "auth_subuser"),
    *("auth_tenancy", "auth_tenant_id", "auth_token", "auth_totp_secret", "auth_user"),
    *("auth_username", "cloud_id", "dns_zone_id", "folder_id", "resource_group"),
    *("secret_id", "secret_key", "zone_id"),
)
"""Options of dns-lexicon's providers that say who somebody is, and not where to go."""
_OWN = {
    "oci": ("auth_key_content", "auth_user", "auth_tenancy", "auth_fingerprint"),
    "route53": ("auth_access_key", "auth_access_secret"),
}
"""What must be given to these: they take the machine's own credential otherwise."""
_TTL = 2**31 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LexiconConfiguration(DnsConfiguration):
    """What an account at a provider of dns-lexicon says."""

    lexicon_provider: str = setting("Name of the provider in dns-lexicon.")
    zones: tuple[DomainName, ...] = setting(
        "Zones of the account. Required because dns-lexicon cannot list them.", default=()
    )
    ttl: Annotated[int, between(0, _TTL)] = setting("TTL of every record.", default=300)


def connect(config: LexiconConfiguration, credentials: Credentials) -> "Lexicon":
    """Return the provider of one account. Raises Refused `extra_missing` without dns-lexicon."""
    for name in _OWN.get(config.lexicon_provider, ()):
        if not credentials.get(name):
            raise Refused("credential_missing", f"The account lacks the credential `{name}`.")
    key = credentials.get("auth_api_key")
    if config.lexicon_provider == "transip" and key and "PRIVATE KEY" not in key.reveal():
        raise Refused("credential_malformed", "Expected the key itself in PEM in `auth_api_key`.")
    return Lexicon(config.lexicon_provider, credentials, config.zones, ttl=config.ttl)


plugin = DnsProviderPlugin(
    title="Other providers through dns-lexicon",
    configuration=LexiconConfiguration,
    credentials=tuple(
        Credential(name, "An option by its name in dns-lexicon.", is_required=False)
        for name in _OPTIONS
    ),
    takes_other_credentials=True,
    connect=connect,
)


class Lexicon:
    """One of dns-lexicon's providers with its options, for zones named in the account."""

    def __init__(
        self,
        provider: str,
        options: Mapping[str, Secret | str],
        zones: Sequence[str],
        *,
        ttl: int = 300,
        creations: Creations | None = None,
    ) -> None:
        """Load the provider; its name and options are those of dns-lexicon (`auth_token` ...).

        `ttl` (seconds) is that of every record. Raises `Refused("extra_missing")` without
        dns-lexicon and `Refused("provider_unknown")` when it has no such provider.
        """
        self._name = provider
        self._options = dict(options)
        self._zones = tuple(zones)
        self._ttl = ttl
        self._creations = creations or Creations()
        self._class, self._config = _loaded(provider)

    def zones(self) -> Sequence[Zone]:
        """Return the zones of the account: dns-lexicon cannot list them."""
        return [Zone(name, name) for name in self._zones]

    def records(self, zone: Zone) -> Sequence[RRset]:
        """Read the zone, as far as dns-lexicon tells."""
        return sorted(rows.rrsets(self._open(zone).listed()).values())

    def apply(self, zone: Zone, changes: Sequence[Change]) -> Sequence[Outcome]:
        """Read the zone, then go record by record; what is refused half-way is undone."""
        if not changes:
            return []
        records = self._open(zone)
        live = records.listed()
        singly = Singly(zone.name, records, self._creations)

        def refusal(rrset: RRset) -> str | None:
            if rrset.ttl not in {self._ttl, *(row.ttl for row in live.get(rrset.key, ()))}:
                return (
                    f"{rrset.name} {rrset.type}: this account only supports a TTL of {self._ttl}."
                )
            return refusals("lexicon", rrset)

        def send(batch: Batch) -> Mapping[Change, Ids]:
            return singly.send(batch[0], live)

        def reread(_: Sequence[Change]) -> Mapping[Key, RRset]:
            return rows.rrsets(self._open(zone).listed())

        found = triage(changes, rows.rrsets(live), refusal)
        found.add(dispatch([[unit] for unit in found.pending], send, reread))
        return found.ordered(changes)

    def _open(self, zone: Zone) -> "_ProviderRecords":
        if zone.name not in self._zones:
            raise Refused(
                "zone_missing",
                f"The zone {zone.name} is not in `zones` of the account. Add it there.",
            )
        options = {
            name: value.reveal() if isinstance(value, Secret) else value
            for name, value in self._options.items()
        }
        config = {
            "provider_name": self._name,
            "domain": zone.name,
            "ttl": self._ttl,
            self._name: options,
        }
        provider = self._class(self._config().with_dict(config))
        _reading(self._name, provider.authenticate)
        return _ProviderRecords(provider, zone, self._name, self._ttl)


class _ProviderRecords:
    """The records of one zone through one provider of dns-lexicon; for one thread."""

    def __init__(self, provider: Provider, zone: Zone, name: str, ttl: int) -> None:
        self._provider = provider
        self._zone = zone
        self._name = name
        self._ttl = ttl

    def listed(self) -> dict[Key, list[Row]]:
        entries = _reading(self._name, self._provider.list_records)
        return rows.grouped(self._row(entry) for entry in entries)

    def create(self, row: Row) -> Row:
        self._change(self._provider.create_record, row.type, row.name, _content(row))
        if row.type != "CNAME":
            return row
        # Some of its providers append the zone to targets outside of it.
        for made in self.listed().get(row.key, ()):
            if made.value == row.value:
                return made
            self.delete(made)
        raise ChangeRefused(
            "change_refused",
            f"dns-lexicon's {self._name} writes a different target from {row.value}.",
        )

    def replace(self, row: Row) -> None:
        self._change(self._provider.update_record, row.id, row.type, row.name, _content(row))

    def delete(self, row: Row) -> None:
        if row.id:
            self._change(self._provider.delete_record, row.id)
        else:
            self._change(self._provider.delete_record, None, row.type, row.name, _content(row))

    def _change(self, act: Callable[..., Any], *arguments: str | None) -> None:
        try:
            done = act(*arguments)
        except Exception as error:  # noqa: BLE001  # its providers raise whatever they like
            raise _explained(self._name, error, unclear="answer_lost") from None
        if done is False:
            raise ChangeRefused(
                "change_refused", f"dns-lexicon's {self._name} did not make the change."
            )

    def _row(self, entry: Mapping[str, Any]) -> Row:
        rdtype, content = entry["type"], str(entry["content"])
        name = names.canonical(entry["name"])
        if rdtype == "TXT" and not is_presentation(content):
            content = from_raw(content)
        elif rdtype in _HOSTS:
            content = f"{content.removesuffix('.')}."
        ttl = int(entry.get("ttl") or self._ttl)
        return Row(str(entry["id"]), name, rdtype, ttl, canonical(rdtype, content))


def _content(row: Row) -> str:
    return raw(row.value) or "" if row.type == "TXT" else row.value


def _loaded(name: str) -> tuple[Callable[..., Provider], Callable[[], Any]]:
    """Return the provider's class and that of its configuration.

    dns-lexicon's own client guesses the zone with a list that it downloads first; we know the zone.
    """
    try:
        discovery = importlib.import_module("lexicon._private.discovery")
        config = importlib.import_module("lexicon.config")
    except ModuleNotFoundError:
        raise Refused(
            "extra_missing",
            "This provider needs dns-lexicon. Install nameplate with the extra `lexicon`.",
        ) from None
    if not discovery.find_providers().get(name):
        raise Refused("provider_unknown", f"The installed dns-lexicon has no provider {name}.")
    return discovery.load_provider_module(name).Provider, config.ConfigResolver


def _reading(name: str, act: Callable[[], Any]) -> Any:  # noqa: ANN401  # whatever it lists
    try:
        return act()
    except Exception as error:  # noqa: BLE001  # its providers raise whatever they like
        raise _explained(name, error, unclear="provider_unreachable") from None


def _explained(name: str, error: Exception, *, unclear: str) -> NameplateError:
    """Return what an exception of dns-lexicon or requests means; their texts can hold secrets."""
    kind = type(error).__name__
    status = getattr(getattr(error, "response", None), "status_code", 0)
    if kind == "AuthenticationError" or status in _CREDENTIAL:
        return Refused("credential_refused", f"{name} rejected the credential or the zone.")
    if status == _NOT_FOUND:
        return Refused("zone_missing", f"{name} has no such zone.")
    if status == _TOO_MANY:
        return RateLimited("rate_limited", f"{name} limits requests. Try again later.")
    if status in _REFUSED:
        return ChangeRefused(
            "change_refused", f"{name} rejected the change with HTTP status {status}."
        )
    return Unavailable(unclear, f"{name} sent an unexpected answer: {short(kind)}")
