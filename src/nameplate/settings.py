"""Settings, read once from environment variables: `NAMEPLATE_<NAME>`.

A dataclass and not pydantic-settings, which takes 12 MB of every worker (ADR 12).
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, get_args, get_type_hints

from nameplate.core import web_origins
from nameplate.core.configuration.forms import DomainName, Form
from nameplate.core.draft_challenges import DRAFTS
from nameplate.core.egress import Detour, Network
from nameplate.core.errors import Invalid, Problem
from nameplate.core.keys import KINDS
from nameplate.core.money import Money
from nameplate.core.purchases import SpendingLimits
from nameplate.core.secret import Secret

PREFIX = "NAMEPLATE_"
_SWITCH = {"true": True, "1": True, "yes": True, "on": True} | {
    "false": False, "0": False, "no": False, "off": False
}  # fmt: skip


def _data_folder() -> Path:
    """Return the user's data folder (XDG Base Directory Specification)."""
    share = os.environ.get("XDG_DATA_HOME", "")
    base = Path(share) if share.startswith("/") else Path.home() / ".local" / "share"
    return base / "nameplate"


def _switch(text: str) -> bool:
    try:
        return _SWITCH[text.lower()]
    except KeyError:
        raise ValueError("`true` or `false`") from None


def _number(least: int, most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        is_number = text.isascii() and text.isdigit() and len(text) <= len(str(most))
        if not (is_number and least <= int(text) <= most):
            raise ValueError(f"a number from {least} to {most}")
        return int(text)

    return read


def _one_of(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"one of {', '.join(words)}")
        return text

    return read


def _list(text: str) -> tuple[str, ...]:
    found = _json(text)
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise ValueError('a JSON list of strings, for example ["a", "b"]')
    return tuple(found)


def _some_of(*words: str) -> Callable[[str], tuple[str, ...]]:
    def read(text: str) -> tuple[str, ...]:
        found = _list(text)
        if not set(found) <= set(words):
            raise ValueError(f"a JSON list of some of {', '.join(words)}")
        return found

    return read


def _origins(text: str) -> tuple[str, ...]:
    found = _list(text)
    if not all(map(web_origins.is_origin, found)):
        raise ValueError(f"a JSON list of origins, each {web_origins.EXPECTED.rstrip('.')}")
    return found


def _zone(text: str) -> str:
    form: Form = get_args(DomainName)[1]
    if not form.accepts(text) or "." not in text:
        raise ValueError(form.expected)
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(map(ip_network, _list(text)))
    except ValueError:
        raise ValueError('a JSON list of networks, for example ["10.0.0.0/8"]') from None


def _servers(text: str) -> dict[str, tuple[str, ...]]:
    try:
        return {zone: _list(json.dumps(servers)) for zone, servers in _json(text).items()}
    except (AttributeError, ValueError):
        raise ValueError('a JSON object, for example {"corp.example": ["10.0.0.53:53"]}') from None


def _urls(text: str) -> dict[str, str]:
    found = _json(text)
    if not isinstance(found, dict) or not all(isinstance(one, str) for one in found.values()):
        raise ValueError('a JSON object of URLs, for example {"fra": "http://192.0.2.7:8473"}')
    return found


def _money(text: str) -> Money:
    try:
        return Money.parse(text)
    except Invalid:
        raise ValueError("an amount with its currency, as in 50.00USD") from None


def _detours(text: str) -> tuple[Detour, ...]:
    try:
        return tuple(_detour(*pair) for pair in _json(text).items())
    except (AttributeError, TypeError, ValueError):
        raise ValueError('a JSON object, for example {"203.0.113.0/24": "10.0.0.5:80"}') from None


def _detour(network: str, place: str) -> Detour:
    address, _, port = place.rpartition(":")
    return Detour(
        ip_network(network), str(ip_address(address.strip("[]"))), _number(1, 65_535)(port)
    )


def _tables(text: str) -> dict[str, Mapping[str, Any]]:
    found = _json(text)
    if not isinstance(found, dict) or not all(isinstance(one, dict) for one in found.values()):
        raise ValueError('a JSON object of objects, for example {"email": {"enabled": true}}')
    return found


def _json(text: str) -> Any:  # noqa: ANN401 - JSON
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


Port = Annotated[int, _number(1, 65_535)]
OptionalPort = Annotated[int | None, _number(1, 65_535)]
_READERS: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    str | None: str,
    Path: Path,
    Path | None: Path,
    Secret | None: Secret,
    bool: _switch,
    tuple[str, ...]: _list,
    tuple[str, ...] | None: _list,
    tuple[Network, ...]: _networks,
    tuple[Detour, ...]: _detours,
    Money | None: _money,
    Mapping[str, tuple[str, ...]]: _servers,
    Mapping[str, str]: _urls,
    Mapping[str, Mapping[str, Any]]: _tables,
}
"""How a text becomes a value, by the setting's type; numbers bring their own, with its bounds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What an operator can set; each is described in docs/reference/settings.md."""

    home: Path = field(default_factory=_data_folder)
    """Folder for the files that Nameplate keeps."""
    database_url: Secret | None = None
    """URL of the database for the application role. Default: a SQLite file in `home`."""
    system_database_url: Secret | None = None
    """URL for the system role, which sees every organization. Default: `database_url`."""
    keyring_file: Path | None = None
    """File with the keys that encrypt stored secrets. Default: `keyring` in `home`."""
    keyring: Secret | None = None
    """Content of the key file, for secrets from the environment. Overrides `keyring_file`."""
    host: str = "127.0.0.1"
    """Address that the API listens on."""
    port: Port = 8080
    """Port that the API listens on."""
    public_url: str | None = None
    """URL at which browsers reach the API, for the addresses of setup links. Default: as in the request
    that makes a link."""
    frame_ancestors: Annotated[tuple[str, ...], _origins] = ()
    """Origins of the pages that may show the page of a setup link in a frame, for example
    `["https://shop.example.com"]`. The console is never shown in one."""
    platform_zones: tuple[str, ...] | None = None
    """Names of the platform itself: no organization can hold them, nor what is above or below. Default:
    the host of `public_url`, `challenge_zone`, the zones of proof methods, and the host names of the
    platform's servers."""
    max_unproved_claims: Annotated[int, _number(1, 1_000_000)] = 1000
    """Names that one organization may have claimed and not proved yet."""
    purchase_limit: Money | None = None
    """What an organization may pay at a registrar in one purchase, as in `50.00USD`; above, it waits for
    the operator. Default: any amount from its own account, nothing from the platform's."""
    purchase_limit_month: Money | None = None
    """What an organization may pay at registrars in one month. Default: any amount."""
    platform_purchase_limit_month: Money | None = None
    """What all organizations together may pay from one account of the platform in one month. Default: any
    amount."""
    edge_host: str | None = None
    """Address that the edge's own port listens on. Default: `host`."""
    edge_port: OptionalPort = None
    """Port for a process of the edge and ACME challenges only. Default: the API's `port` and process."""

    tls_alpn_host: str | None = None
    """Address that answers to `tls-alpn-01` listen on. Default: `host`."""
    tls_alpn_port: OptionalPort = None
    """Port for TLS handshakes that prove names by `tls-alpn-01`. Default: that challenge is refused."""
    serve_worker: bool = True
    """Whether `nameplate serve` also runs background work."""
    worker_threads: Annotated[int, _number(1, 64)] = 8
    """Number of rows that a worker processes in parallel."""
    event_days: Annotated[int, _number(1, 3650)] = 90
    """Days for which events can be read. Older ones are purged by a worker."""
    scan_queries: Annotated[int, _number(1, 10_000)] = 50
    """Number of DNS queries per second that each worker may send to look for dangling records."""
    rdap: bool = True
    """Whether registries are asked about held names (RDAP), once a day at most for each: registrar, end of
    the registration, holds. Never in a sandbox."""
    reproof_days: Annotated[int, _number(1, 200)] = 30
    """Days for which a proof of a name counts before it is checked in full again, at most as many as
    certificate authorities may use one: 200, 100 from 2027-03-15, 10 from 2029-03-15."""
    unused_certificate_days: Annotated[int, _number(0, 3650)] = 90
    """Days for which a certificate is renewed that no binding uses and whose key was never exported. 0: for
    ever. After 30 days an event tells of it."""
    grace_days: Annotated[int, _number(1, 90)] = 7
    """Days for which a name stays in service after its proof was lost."""
    lapsed_days: Annotated[int, _number(0, 365)] = 30
    """Days for which a name out of service is kept for its holder, before it is released."""
    suspended_answer: Annotated[str, _one_of("none", "403", "410")] = "none"
    """What hosts of suspended domains and organizations answer: `none` (as unknown hosts do), `403` or `410`."""
    quarantine_days: Annotated[int, _number(1, 365)] = 3
    """Days for which the DNS of a released name must not have pointed here before it is free again."""
    challenge_upstream: str | None = None
    """`host:port` where proxies reach ACME challenges. Default: where the edge listens."""
    edge_secret: Secret | None = None
    """Secret that proxies must send to the edge in `X-Nameplate-Edge-Secret`, or as `secret` in the
    query. Default: `/edge/route` requires the content of `edge-secret` in `home`, `/edge/ask` nothing."""
    edge_networks: tuple[Network, ...] = ()
    """Networks of the platform's own proxies. A verification file served from them is not accepted."""
    egress_allow: tuple[Network, ...] = ()
    """Private networks that verification, and health checks of an organization's own server, may reach."""
    challenge_check_via: tuple[Detour, ...] = ()
    """Where to check ACME challenges instead of public addresses that workers cannot reach, for
    example `{"203.0.113.0/24": "10.0.0.5:80"}`. Default: the addresses of the host, at port 80."""
    challenge_zone: Annotated[str | None, _zone] = None
    """Domain of the platform in whose zone owners' challenges are answered, for example
    `challenges.example.net`. Required for `dns-01` without a DNS account."""
    draft_challenges: Annotated[tuple[str, ...], _some_of(*DRAFTS)] = ()
    """Challenges that may be used although they are still drafts at the IETF: `dns-account-01`,
    `dns-persist-01`. What is written for them is taken away when they are left out again."""
    certificate_key_type: Annotated[str | None, _one_of(*KINDS)] = None
    """Kind of the private keys of certificates, unless an organization or a domain says it. Default: `ec256`."""
    certificate_profile: str | None = None
    """The authority's profile to order certificates with, unless an organization or a domain says it."""
    certificate_challenge: Annotated[
        str | None, _one_of("http-01", "dns-01", "tls-alpn-01", *DRAFTS)
    ] = None
    """How names are proved to authorities, unless an organization or a domain says it. Default: `http-01`. A
    wildcard, and a name that cannot be proved so, is proved in the usual way."""
    trusted_roots: Path | None = None
    """PEM file with authorities that may have signed an uploaded certificate, beside those that browsers
    trust."""
    dns_recursor: str | None = None
    """`address:port` of the resolver that finds name servers. Default: from /etc/resolv.conf."""
    public_resolvers: tuple[str, ...] = ("1.1.1.1:53", "8.8.8.8:53", "9.9.9.9:53")
    """Public resolvers to compare with the authoritative servers. `[]` disables the comparison."""
    dns_servers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Name servers of private zones, for example `{"corp.example": ["10.0.0.53:53"]}`."""
    dnssec: bool = True
    """Whether a proof must withstand DNSSEC validation, as it must with every certificate authority."""
    dnssec_anchors: Path | None = None
    """File with DS records of a private root. Default: the trust anchors of the Internet's root."""
    vantages: Mapping[str, str] = field(default_factory=dict)
    """Vantages that must see what is seen here, for example `{"fra": "http://192.0.2.7:8473"}`."""
    vantage_secret: Secret | None = None
    """Secret of at least 32 characters that the control plane shares with its vantages."""
    vantage_name: str | None = None
    """What the control plane calls this vantage. Required by `nameplate vantage`."""
    vantage_host: str = "127.0.0.1"
    """Address that `nameplate vantage` listens on."""
    vantage_port: Port = 8473
    """Port that `nameplate vantage` listens on."""
    proof_methods: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of proof methods, for example `{"dns_cname": {"zone": "proof.example.net"}}`."""
    smtp_host: str | None = None
    """Mail server that takes Nameplate's mail. Required to send any."""
    smtp_port: OptionalPort = None
    """Port of the mail server. Default: 587, or 465 where `smtp_security` is `tls`."""
    smtp_security: Annotated[str, _one_of("starttls", "tls", "none")] = "starttls"
    """How the connection to the mail server is encrypted: `starttls`, `tls` from its start, or `none`."""
    smtp_user: str | None = None
    """User at the mail server. Default: mail is handed over without a login."""
    smtp_password: Secret | None = None
    """Password of `smtp_user`."""
    mail_sender: str | None = None
    """Address that mail comes from. Required with `smtp_host`."""
    oidc_issuer: str | None = None
    """URL of the identity provider by which people sign in (OpenID Connect), as it calls itself. Needs the
    extra `oidc`. Default: people sign in with passwords."""
    oidc_client_id: str | None = None
    """What Nameplate is called there. Required with `oidc_issuer`. Its address to return to is
    `/v1/session/oidc/callback` below `public_url`."""
    oidc_client_secret: Secret | None = None
    """Secret of that client. Default: a public client, with PKCE alone."""
    oidc_name: str = "single sign-on"
    """What people call the identity provider."""
    domain_connect_provider_id: str | None = None
    """Domain Connect provider id, usually the platform's domain. Required for Domain Connect links."""
    domain_connect_provider_name: str | None = None
    """Name of the platform that DNS hosts show to owners. Default: the provider id."""
    domain_connect_service_id: str = "custom-domain"
    """Service id of the platform's Domain Connect template."""
    domain_connect_service_name: str = "Custom domain"
    """Name of the service that DNS hosts show to owners."""
    domain_connect_key_file: Path | None = None
    """PEM file with the RSA private key that signs links. Only its owner may have access to it."""
    domain_connect_key_host: str = "_dcpubkeyv1"
    """DNS label of the public key. Use a new label for each new key."""
    domain_connect_key_domain: str | None = None
    """Domain of the public key. Default: the provider id."""
    agent_host: str = "127.0.0.1"
    """Address at which `nameplate agent` answers ACME challenges for its proxy."""
    agent_port: Port = 8402
    """Port at which `nameplate agent` answers ACME challenges for its proxy."""
    sandbox: bool = False
    """Accept special-use names such as `.test` and check every second. Not for production."""
    sandbox_http_port: Port = 80
    """Port for verification files in a sandbox."""

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """Read every setting that the environment has; an empty variable counts as none.

        Raises `Invalid` with code `settings_invalid`, which names each wrong variable and what is
        expected there, and repeats no value.
        """
        given: dict[str, Any] = {}
        problems = []
        for name, kind in get_type_hints(cls, include_extras=True).items():
            variable = PREFIX + name.upper()
            text = environment.get(variable)
            read = kind.__metadata__[0] if kind not in _READERS else _READERS[kind]
            try:
                if text:
                    given[name] = read(text)
            except ValueError as error:
                problems.append(Problem(variable, "setting_invalid", f"Expected {error}."))
        if problems:
            said = " ".join(f"`{one.pointer}`: {one.detail}" for one in problems)
            raise Invalid("settings_invalid", said, problems)
        return cls(**given)

    @property
    def organization_limits(self) -> SpendingLimits:
        """What each organization may spend without the operator."""
        return SpendingLimits(self.purchase_limit, self.purchase_limit_month)

    @property
    def platform_limits(self) -> SpendingLimits:
        """What all of them may spend together from the platform's account."""
        return SpendingLimits(None, self.platform_purchase_limit_month)

    @property
    def url(self) -> Secret:
        """Address of the database for the application role."""
        return self.database_url or Secret(f"sqlite:///{self.database_path}")

    @property
    def database_path(self) -> Path:
        """Where the embedded default's database is."""
        return self.home / "nameplate.db"

    @property
    def system_url(self) -> Secret:
        """Address of the database for the system role."""
        return self.system_database_url or self.url

    @property
    def edge_address(self) -> tuple[str, int]:
        """Where proxies find the edge and the answers to challenges."""
        if self.edge_port is None:
            return self.host, self.port
        return self.edge_host or self.host, self.edge_port

    @property
    def edge_secret_path(self) -> Path:
        """Where the edge's secret is, unless `edge_secret` has it."""
        return self.home / "edge-secret"

    @property
    def keyring_path(self) -> Path:
        """Where the keys are, unless `keyring` has them."""
        return self.keyring_file or self.home / "keyring"
