"""What the product does: one plain function for each thing, in a room for each noun.

A program that embeds Nameplate takes the nouns from here, wherever their rooms are.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nameplate.usecases.certificates import requests as certificate_requests
    from nameplate.usecases.claims import conditions, domains, instructions, verifications
    from nameplate.usecases.dns import plans, records, templates
    from nameplate.usecases.propagation import checks as propagation_checks
    from nameplate.usecases.serving import applications, bindings, server_groups, servers
    from nameplate.usecases.setup import dns_hosts, domain_connect
    from nameplate.usecases.tenants import accounts, organizations, providers, tokens

__all__ = [
    "accounts",
    "applications",
    "bindings",
    "certificate_requests",
    "conditions",
    "dns_hosts",
    "domain_connect",
    "domains",
    "instructions",
    "organizations",
    "plans",
    "propagation_checks",
    "providers",
    "records",
    "server_groups",
    "servers",
    "templates",
    "tokens",
    "verifications",
]

_PLACES = {
    "accounts": "tenants.accounts",
    "applications": "serving.applications",
    "bindings": "serving.bindings",
    "certificate_requests": "certificates.requests",
    "conditions": "claims.conditions",
    "dns_hosts": "setup.dns_hosts",
    "domain_connect": "setup.domain_connect",
    "domains": "claims.domains",
    "instructions": "claims.instructions",
    "organizations": "tenants.organizations",
    "plans": "dns.plans",
    "propagation_checks": "propagation.checks",
    "providers": "tenants.providers",
    "records": "dns.records",
    "server_groups": "serving.server_groups",
    "servers": "serving.servers",
    "templates": "dns.templates",
    "tokens": "tenants.tokens",
    "verifications": "claims.verifications",
}
"""The module of each noun, below this package."""


def __getattr__(name: str) -> Any:  # noqa: ANN401 - the checker reads the imports above
    """Import the noun that is asked for (PEP 562)."""
    if name not in _PLACES:
        raise AttributeError(f"module 'nameplate.usecases' has no attribute {name!r}")
    return import_module(f"nameplate.usecases.{_PLACES[name]}")


def __dir__() -> list[str]:
    """Return what there is, imported or not."""
    return sorted({*globals(), *__all__})
