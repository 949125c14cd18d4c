"""Providers and authorities that accounts can be at, and checking an account against its own."""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from nameplate.core import configuration
from nameplate.core.actor import Actor
from nameplate.core.errors import Invalid, Problem, Refused
from nameplate.models import AccountKind
from nameplate.ports.plugins import Plugin
from nameplate.registry import Listed, Registry
from nameplate.usecases.tenants import organizations
from nameplate.usecases.tools import Tools

_SECRETS = frozenset(
    {"api_key", "api_token", "key", "password", "private_key", "secret", "secret_key", "token"}
)
"""Keys that belong into `credentials` at any provider: `config` is shown."""


class PluginKind(StrEnum):
    """What a plug-in is for: accounts of that kind, servers' proxies, or proofs."""

    CA = AccountKind.CA.value
    DNS = AccountKind.DNS.value
    REGISTRAR = AccountKind.REGISTRAR.value
    PROOF = "proof"
    PROXY = "proxy"


class ListedProvider(NamedTuple):
    """One plug-in with what it is for."""

    kind: PluginKind
    listed: Listed[Any]


def listed(tools: Tools, kind: PluginKind | None = None) -> list[ListedProvider]:
    """Return every plug-in, in order of kinds and names; loads all of them."""
    groups: dict[PluginKind, Registry[Any]] = {
        PluginKind.CA: tools.authorities,
        PluginKind.DNS: tools.dns_providers,
        PluginKind.PROOF: tools.proof_methods,
        PluginKind.PROXY: tools.proxies,
        PluginKind.REGISTRAR: tools.registrars,
    }
    wanted = [one for one in groups if kind in {None, one}]
    return [ListedProvider(one, each) for one in wanted for each in groups[one].listed()]


def plugin(tools: Tools, kind: AccountKind, provider: str) -> Plugin:
    """Return the plug-in of a provider.

    Raises Invalid with the registry's code: `provider_unknown`, `plugin_broken`, `plugin_ambiguous`.
    """
    try:
        if kind is AccountKind.DNS:
            return tools.dns_providers.get(provider)
        if kind is AccountKind.CA:
            return tools.authorities.get(provider)
        return tools.registrars.get(provider)
    except Refused as error:
        problem = Problem("/provider", error.code, error.detail)
        raise Invalid(error.code, error.detail, [problem]) from None


def check_config(actor: Actor, found: Plugin, config: Mapping[str, Any]) -> None:
    """Check what an account says openly.

    Raises Invalid with a problem for each wrong setting, NotPermitted `platform_only` when a tenant
    says what only the platform may.
    """
    check_no_secrets(config, {one.name for one in found.credentials})
    for name in configuration.misplaced(found.configuration, config):
        organizations.only_platform(actor, f"set `{name}` of an account")
    configuration.parse(found.configuration, config)


def check_no_secrets(config: Mapping[str, Any], declared: set[str] | None = None) -> None:
    """Raise Invalid `config_holds_secret` when a credential is given as a setting."""
    exposed = sorted(config.keys() & (_SECRETS | (declared or set())))
    if exposed:
        detail = (
            f"Move {', '.join(exposed)} to `credentials`. Everyone with access to the account "
            "can read `config`."
        )
        problems = [Problem(f"/config/{key}", "config_holds_secret", detail) for key in exposed]
        raise Invalid("config_holds_secret", detail, problems)


def completed(
    actor: Actor, found: Plugin, config: Mapping[str, Any], given: Mapping[str, str]
) -> dict[str, str]:
    """Return the credentials to seal, with those made that can be.

    Raises Invalid `credential_missing` or `credential_unknown`, NotPermitted `platform_only`.
    """
    declared = {one.name: one for one in found.credentials}
    for name in given:
        known = declared.get(name)
        if known.is_platform_only if known else found.takes_other_credentials:
            organizations.only_platform(actor, f"set the credential `{name}`")
    problems = [*_unknown(found, given), *_missing(found, config, given)]
    if problems:
        raise Invalid(problems[0].code, " ".join(one.detail for one in problems), problems)
    made = {
        one.name: one.generate().reveal()
        for one in found.credentials
        if one.generate and not given.get(one.name)
    }
    return {**given, **made}


def _unknown(found: Plugin, given: Mapping[str, str]) -> Iterator[Problem]:
    known = [one.name for one in found.credentials]
    if found.takes_other_credentials:
        return
    for name in given:
        if name not in known:
            detail = (
                f"Unknown credential `{name}`. Known credentials: {', '.join(known) or 'none'}."
            )
            yield Problem(f"/credentials/{name}", "credential_unknown", detail)


def _missing(
    found: Plugin, config: Mapping[str, Any], given: Mapping[str, str]
) -> Iterator[Problem]:
    for one in found.credentials:
        is_needed = one.is_required or (one.needed_with is not None and config.get(one.needed_with))
        if is_needed and not one.generate and not given.get(one.name):
            detail = f"The credential `{one.name}` is required: {one.description}"
            yield Problem(f"/credentials/{one.name}", "credential_missing", detail)
