"""Who the platform is in Domain Connect: its template, its signing key, and its signed links."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from nameplate.core import keys, tokens
from nameplate.core.errors import Invalid
from nameplate.core.secret import Secret

OWNERSHIP = "ownership"
"""Group of the TXT record that proves the name; variable `token`."""
ALIAS = "alias"
"""Group of the CNAME; variable `target`."""
IPV4 = "ipv4"
"""Group of the A record; variable of the same name."""
IPV6 = "ipv6"
"""Group of the AAAA record; variable of the same name."""

_ID = re.compile(r"[A-Za-z0-9._-]{1,63}")
_KEY_HOST = re.compile(r"_?[A-Za-z0-9](?:[A-Za-z0-9-]{0,60}[A-Za-z0-9])?")
_MAX_STRING = 255
"""Octets of one string of a TXT record (RFC 1035 section 3.3)."""
_PROOF_TTL, _ROUTING_TTL = 300, 3600


@dataclass(frozen=True, slots=True)
class ConnectService:
    """The operator's own entry among the service providers. Raises `Invalid` when it cannot be one."""

    provider_id: str
    """By custom the platform's domain name: `platform.example`."""
    provider_name: str
    """What the DNS host shows to the person who is asked for consent."""
    service_id: str
    service_name: str
    key_domain: str
    """`syncPubKeyDomain` of the template: the public key is published below it."""
    key_host: str
    """Label of that TXT record, `_dcpubkeyv1` for example; a new one for each new key."""
    key: Secret
    """RSA private key, PEM."""

    def __post_init__(self) -> None:
        """Refuse what no DNS host would accept, with the setting to correct."""
        for name in ("provider_id", "service_id"):
            if not _ID.fullmatch(getattr(self, name)):
                raise Invalid(
                    "domain_connect_id_invalid",
                    f"Expected at most 63 letters, digits, and . _ - in `domain_connect_{name}`.",
                )
        if not _KEY_HOST.fullmatch(self.key_host):
            raise Invalid(
                "domain_connect_key_host_invalid",
                "Expected one label such as _dcpubkeyv1 in `domain_connect_key_host`.",
            )
        _rsa(self.key)

    @property
    def file_name(self) -> str:
        """How the template's file is called in the repository of templates."""
        return f"{self.provider_id}.{self.service_id}.json"

    @property
    def path(self) -> str:
        """Where a DNS host has the template, below its API and its pages."""
        return f"/v2/domainTemplates/providers/{self.provider_id}/services/{self.service_id}"


def template(service: ConnectService) -> dict[str, Any]:
    """Return the template to submit (section "Template Definition").

    Old proofs are left alone (`None`): two platforms may prove one name at a time.
    """
    return {
        "providerId": service.provider_id,
        "providerName": service.provider_name,
        "serviceId": service.service_id,
        "serviceName": service.service_name,
        "version": 1,
        "description": "Proves the control of a host name and points it at the platform.",
        "variableDescription": (
            "%token%: proof of control; %target%: host name of the platform's servers; "
            "%ipv4% and %ipv6%: their addresses, where a CNAME cannot stand"
        ),
        "syncPubKeyDomain": service.key_domain,
        "records": [
            {
                "groupId": OWNERSHIP,
                "type": "TXT",
                "host": tokens.TXT_LABEL,
                "data": f"{tokens.TXT_PREFIX}%token%",
                "ttl": _PROOF_TTL,
                "txtConflictMatchingMode": "None",
            },
            _pointing(ALIAS, "CNAME", "%target%"),
            _pointing(IPV4, "A", "%ipv4%"),
            _pointing(IPV6, "AAAA", "%ipv6%"),
        ],
    }


def _pointing(group: str, rdtype: str, variable: str) -> dict[str, Any]:
    return {
        "groupId": group,
        "type": rdtype,
        "host": "@",
        "pointsTo": variable,
        "ttl": _ROUTING_TTL,
    }


def key_records(service: ConnectService) -> tuple[str, ...]:
    """Return the TXT records that publish the public key at `key_host.key_domain`."""
    encoded = base64.b64encode(keys.public_bytes(service.key)).decode()
    head = "p={},a=RS256,d="
    size = _MAX_STRING - len(head.format(9))
    parts = [encoded[at : at + size] for at in range(0, len(encoded), size)]
    return tuple(f"{head.format(number)}{part}" for number, part in enumerate(parts, 1))


def apply_url(
    service: ConnectService,
    prefix: str,
    *,
    zone: str,
    host: str,
    groups: Sequence[str],
    variables: Mapping[str, str],
) -> str:
    """Return the signed link that asks the zone's owner for consent (section "Signing Procedure").

    `prefix` is the DNS host's `urlSyncUX`, `host` the part left of the zone, empty at its apex. The
    query must be used exactly as it is: what is signed is its text.
    """
    given = {"domain": zone, "groupId": ",".join(groups), **variables}
    if host:
        given["host"] = host
    pairs = sorted((quote(name, safe=""), quote(value, safe="")) for name, value in given.items())
    query = "&".join(f"{name}={value}" for name, value in pairs)
    signature = _rsa(service.key).sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    sig = quote(base64.b64encode(signature).decode(), safe="")
    return f"{prefix}{service.path}/apply?{query}&sig={sig}&key={service.key_host}"


def _rsa(key: Secret) -> rsa.RSAPrivateKey:
    loaded = keys.load(key)
    if not isinstance(loaded, rsa.RSAPrivateKey):
        raise Invalid(
            "domain_connect_key_not_rsa",
            "The Domain Connect key must be an RSA key, because Domain Connect signs with RS256.",
        )
    return loaded
