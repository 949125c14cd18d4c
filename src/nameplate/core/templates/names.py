"""Templates for proving a domain to services, and for putting a CDN in front."""

from collections.abc import Mapping, Sequence

from nameplate.core.templates.template import (
    Beside,
    Parameter,
    ParameterKind,
    Template,
    TemplateRecord,
    TemplateZone,
    Values,
    wrong,
)

_PREFIXES: Mapping[str, str] = {
    "other": "",
    "google": "google-site-verification=",
    "microsoft": "MS=",
    "facebook": "facebook-domain-verification=",
    "apple": "apple-domain=",
}


def _verification(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    prefix = _PREFIXES[values["service"]]
    return [
        TemplateRecord("TXT", values["name"] or "@", prefix + values["value"].removeprefix(prefix))
    ]


def _cdn(site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    name = values["name"]
    at_apex = name == "@" and site.name == site.zone
    if at_apex and not site.apex_alias:
        raise wrong(
            "name",
            "cname_at_apex",
            f"`{site.zone}` is the apex of its zone, which cannot be a CNAME, and its DNS "
            "provider does not support ALIAS. Use `www` and redirect the apex to it, or add "
            "the CDN's addresses as A and AAAA records.",
        )
    kind = "ALIAS" if at_apex else "CNAME"
    return [TemplateRecord(kind, name, values["target"], Beside.CONFLICTS)]


TEMPLATES = (
    Template(
        "verification",
        "Domain verification for a service",
        "The TXT record by which a service verifies that the domain is yours.",
        (
            Parameter("value", ParameterKind.TEXT, "The value that the service gave you.", "abc123", required=True),
            Parameter(
                "service", ParameterKind.TEXT, "The service. For known services, a missing prefix is added.",
                "google", default="other", choices=tuple(_PREFIXES),
            ),
            Parameter("name", ParameterKind.LABELS, "Name below the domain. Default: the domain itself.", "_x"),
        ),
        _verification,
    ),
    Template(
        "cdn",
        "CDN",
        "Points a name to the host that the CDN gave you.",
        (
            Parameter("target", ParameterKind.HOST, "Host name at the CDN.", "d111.cdn.example.net", required=True),
            Parameter("name", ParameterKind.TEXT, "Name below the domain, or @ for the domain itself.", "www", default="www"),
        ),
        _cdn,
    ),
)  # fmt: skip
"""In the order in which they are shown."""
