"""Plug-ins, and the settings and credentials of each."""

from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Crossing
from nameplate.api.routing import router
from nameplate.core.configuration import Credential, Described, describe
from nameplate.usecases.tenants import providers
from nameplate.usecases.tenants.providers import ListedProvider, PluginKind

routes = router("accounts")

_FIELD: dict[str, Any] = {
    "name": "api_url",
    "type": "url",
    "required": True,
    "default": None,
    "description": "URL of the HTTP API, for example `http://10.0.0.53:8081`.",
    "platform_only": True,
    "fields": [],
}
_CREDENTIAL: dict[str, Any] = {
    "name": "api_key",
    "required": True,
    "required_with": None,
    "description": "The `api-key` of the server's configuration.",
    "platform_only": False,
}
_PROVIDER: dict[str, Any] = {
    "object": "provider",
    "kind": "dns",
    "name": "powerdns",
    "title": "PowerDNS Authoritative Server",
    "config": [_FIELD],
    "credentials": [_CREDENTIAL],
    "other_credentials": False,
    "distribution": "nameplate",
    "third_party": False,
    "code": None,
    "message": None,
}


class SettingShape(BaseModel):
    """A key of `config`."""

    name: str
    type: str = Field(
        description="Type of the value, such as `string`, `url`, `list of domain name` or `object`."
    )
    required: bool
    default: Any = Field(description="Value when not set.")
    description: str
    platform_only: bool = Field(description="Whether only the platform can set it.")
    fields: list["SettingShape"] = Field(description="Keys of an object.")


class CredentialShape(BaseModel):
    """A key of `credentials`."""

    name: str
    required: bool
    required_with: str | None = Field(description="Setting that makes this credential required.")
    description: str
    platform_only: bool = Field(description="Whether only the platform can set it.")


class ProviderShape(BaseModel):
    """A plug-in, by the name that accounts, servers and verifications use."""

    model_config = ConfigDict(json_schema_extra={"examples": [_PROVIDER]})

    object: Literal["provider"] = "provider"
    kind: PluginKind
    name: str
    title: str | None = Field(description="null when the plug-in cannot be used; see `code`.")
    config: list[SettingShape]
    credentials: list[CredentialShape]
    other_credentials: bool = Field(
        description="Whether the platform can set other credentials as well."
    )
    distribution: str = Field(description="Python package that provides the plug-in.")
    third_party: bool
    code: str | None = Field(description="`plugin_broken` or `plugin_ambiguous`.")
    message: str | None = Field(description="Why it cannot be used. Shown to the platform only.")


class ProviderList(BaseModel):
    """List of providers."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"object": "list", "data": [_PROVIDER]}]}
    )

    object: Literal["list"] = "list"
    data: list[ProviderShape]


def show(one: ListedProvider, *, for_platform: bool) -> ProviderShape:
    """Return a provider as callers see it."""
    listed, plugin = one.listed, one.listed.plugin
    return ProviderShape(
        kind=one.kind,
        name=listed.name,
        title=plugin.title if plugin else None,
        config=[_setting(each) for each in describe(plugin.configuration)] if plugin else [],
        credentials=[_credential(each) for each in plugin.credentials] if plugin else [],
        other_credentials=plugin is not None and plugin.takes_other_credentials,
        distribution=listed.distribution,
        third_party=listed.is_third_party,
        code=listed.error.code if listed.error else None,
        message=listed.error.detail if listed.error and for_platform else None,
    )


def _setting(one: Described) -> SettingShape:
    return SettingShape(
        name=one.name,
        type=one.type,
        required=one.is_required,
        default=one.default,
        description=one.description,
        platform_only=one.is_platform_only,
        fields=[_setting(each) for each in one.fields],
    )


def _credential(one: Credential) -> CredentialShape:
    return CredentialShape(
        name=one.name,
        required=one.is_required and one.generate is None,
        required_with=one.needed_with,
        description=one.description,
        platform_only=one.is_platform_only,
    )


@routes.get("/providers", operation_id="list_providers")
def list_(
    world: Crossing,
    kind: Annotated[PluginKind | None, Query(description="Only objects of this kind.")] = None,
) -> ProviderList:
    """List providers, authorities, proof methods and proxies, with their settings and credentials."""
    found = providers.listed(world.tools, kind)
    return ProviderList(data=[show(one, for_platform=world.actor.is_platform) for one in found])
