"""The middlewares of Traefik that one path has for itself."""

from typing import Any

from nameplate.adapters.proxy.sites import SiteLocation

Json = dict[str, Any]


def of_location(location: SiteLocation, named: str) -> dict[str, Json]:
    """Return middlewares in the order in which a request meets them; `named` takes a kind."""
    settings = location.settings
    told: dict[str, Json] = {}
    if settings.allow_ips:
        # What a visitor claims reaches here only from whom the entry point trusts.
        edge = {"ipStrategy": {"depth": 1}} if location.edges else {}
        told["allow"] = {"ipAllowList": {"sourceRange": list(settings.allow_ips), **edge}}
    if settings.basic_auth is not None:
        users = [f"{one.name}:{one.password_hash}" for one in settings.basic_auth.users]
        asked = {"users": users, "realm": settings.basic_auth.realm, "removeHeader": True}
        told["auth"] = {"basicAuth": asked}
    if settings.max_body_bytes is not None:
        told["body"] = {"buffering": {"maxRequestBodyBytes": settings.max_body_bytes}}
    if settings.strip_path and location.path != "/":
        told["strip"] = {"stripPrefix": {"prefixes": [location.path]}}
    return {named % kind: middleware for kind, middleware in told.items()}
