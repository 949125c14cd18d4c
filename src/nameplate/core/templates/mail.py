"""Templates for where a domain's mail goes: providers whose records are known, and any other."""

from collections.abc import Sequence

from nameplate.core.templates import spf
from nameplate.core.templates.policies import ALL, dkim_text, spf_wanted
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


def _mx(*hosts: tuple[int, str]) -> list[TemplateRecord]:
    return [
        TemplateRecord("MX", "@", f"{preference} {host}", Beside.CONFLICTS)
        for preference, host in hosts
    ]


def _cname(name: str, host: str) -> TemplateRecord:
    return TemplateRecord("CNAME", name, host, Beside.CONFLICTS)


def _keys(values: Values, *selectors: str) -> list[TemplateRecord]:
    """Return the CNAME of each selector whose target was given."""
    targets = {name: values[f"dkim_{number}"] for number, name in enumerate(selectors, 1)}
    return [_cname(f"{name}._domainkey", target) for name, target in targets.items() if target]


def _mail(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    hosts = values["mx"].split(",")
    return [
        *_mx(*((10 * (index + 1), host) for index, host in enumerate(hosts))),
        spf_wanted(["mx"], values["all"]),
    ]


def _google(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    found = [*_mx((1, "smtp.google.com.")), spf_wanted(["include:_spf.google.com"], values["all"])]
    if values["dkim_key"]:
        found.append(dkim_text(values["dkim_selector"], values["dkim_key"], "rsa"))
    return found


def _microsoft(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    if not values["mx"].endswith((".mail.protection.outlook.com.", ".mx.microsoft.")):
        raise wrong(
            "mx",
            "parameter_invalid",
            "Microsoft's MX ends in .mail.protection.outlook.com or .mx.microsoft. Copy it "
            "from the admin center.",
        )
    found = [
        *_mx((0, values["mx"])),
        spf_wanted(["include:spf.protection.outlook.com"], values["all"]),
        _cname("autodiscover", "autodiscover.outlook.com."),
    ]
    return found + _keys(values, "selector1", "selector2")


def _fastmail(site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    return [
        *_mx((10, "in1-smtp.messagingengine.com."), (20, "in2-smtp.messagingengine.com.")),
        spf_wanted(["include:spf.messagingengine.com"], values["all"]),
        *(
            _cname(f"fm{number}._domainkey", f"fm{number}.{site.name}.dkim.fmhosted.com.")
            for number in (1, 2, 3)
        ),
    ]


def _proton(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    found = [
        *_mx((10, "mail.protonmail.ch."), (20, "mailsec.protonmail.ch.")),
        spf_wanted(["include:_spf.protonmail.ch"], values["all"]),
    ]
    if values["verification"]:
        code = values["verification"].removeprefix("protonmail-verification=")
        found.append(TemplateRecord("TXT", "@", f"protonmail-verification={code}"))
    return found + _keys(values, "protonmail", "protonmail2", "protonmail3")


def _no_mail(_site: TemplateZone, _values: Values) -> Sequence[TemplateRecord]:
    return [
        *_mx((0, ".")),
        TemplateRecord("TXT", "@", "v=spf1 -all", Beside.CHANGES, spf.MARKER),
        TemplateRecord("TXT", "_dmarc", "v=DMARC1; p=reject", Beside.CHANGES, "v=DMARC1"),
    ]


def _all(default: str) -> Parameter:
    return Parameter(ALL.name, ALL.kind, ALL.description, default, False, default, ALL.choices)


def _dkim(number: int, example: str) -> Parameter:
    return Parameter(
        f"dkim_{number}",
        ParameterKind.HOST,
        f"Target of DKIM record {number}, as shown in the portal.",
        example,
    )


TEMPLATES = (
    Template(
        "mail",
        "Your own mail servers",
        "MX records in the given order, and SPF that allows these servers to send.",
        (
            Parameter(
                "mx", ParameterKind.HOSTS, "Mail servers, the preferred one first.",
                "mx1.example.net,mx2.example.net", required=True,
            ),
            _all("~all"),
        ),
        _mail,
    ),
    Template(
        "google-workspace",
        "Google Workspace",
        "MX and SPF, and DKIM if you give the key from the admin console.",
        (
            _all("~all"),
            Parameter("dkim_key", ParameterKind.KEY, "The part after p= of the key shown there.", "MIIB..."),
            Parameter(
                "dkim_selector", ParameterKind.LABELS, "Prefix selector.", "google", default="google"
            ),
        ),
        _google,
    ),
    Template(
        "microsoft-365",
        "Microsoft 365",

            "MX, SPF and Autodiscover, and DKIM if you give the targets that the Defender "
            "portal shows."
        ,
        (
            Parameter(
                "mx", ParameterKind.HOST, "MX shown in the admin center.",
                "example-com.mail.protection.outlook.com", required=True,
            ),
            _all("-all"),
            _dkim(1, "selector1-example-com._domainkey.example.onmicrosoft.com"),
            _dkim(2, "selector2-example-com._domainkey.example.onmicrosoft.com"),
        ),
        _microsoft,
    ),
    Template(
        "fastmail",
        "Fastmail",
        "MX, SPF and DKIM.",
        (_all("?all"),),
        _fastmail,
    ),
    Template(
        "proton",
        "Proton Mail",
        "MX and SPF, and the verification record and DKIM if you give what Proton shows.",
        (
            _all("~all"),
            Parameter("verification", ParameterKind.TEXT, "Verification code.", "0123abcd"),
            _dkim(1, "protonmail.domainkey.d....domains.proton.ch"),
            _dkim(2, "protonmail2.domainkey.d....domains.proton.ch"),
            _dkim(3, "protonmail3.domainkey.d....domains.proton.ch"),
        ),
        _proton,
    ),
    Template(
        "no-mail",
        "A domain without mail",

            "Null MX (RFC 7505), SPF that allows no sender, and a DMARC policy that rejects "
            "forged mail."
        ,
        (),
        _no_mail,
    ),
)  # fmt: skip
"""In the order in which they are shown."""
