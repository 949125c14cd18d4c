"""Templates for what others may do in a domain's name: SPF, DKIM, DMARC and CAA."""

from collections.abc import Sequence

from nameplate.core.templates import spf
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

ALL = Parameter(
    "all", ParameterKind.TEXT, "What receivers do with mail from elsewhere; an SPF that is there keeps its own.",
    "~all", default="~all", choices=("-all", "~all", "?all"),
)  # fmt: skip
_POLICIES = ("none", "quarantine", "reject")


def spf_wanted(terms: Sequence[str], everything_else: str) -> TemplateRecord:
    """Return the SPF record with these mechanisms, to be merged with one that is there."""
    text = spf.checked(" ".join([spf.MARKER, *terms, everything_else]))
    return TemplateRecord("TXT", "@", text, Beside.MERGES, spf.MARKER)


def dkim_text(selector: str, key: str, algorithm: str) -> TemplateRecord:
    """Return the DKIM key record of a selector (RFC 6376 section 3.6.1)."""
    return TemplateRecord(
        "TXT", f"{selector}._domainkey", f"v=DKIM1; k={algorithm}; p={key}", Beside.CONFLICTS,
        "v=DKIM1",
    )  # fmt: skip


def _spf(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    includes = [
        f"include:{name.removesuffix('.')}" for name in values["include"].split(",") if name
    ]
    terms = [*(["mx"] if values["mx"] == "yes" else []), *values["ip"].split(), *includes]
    if not terms:
        raise wrong("include", "parameter_required", "Say who may send: `include`, `ip` or `mx`.")
    return [spf_wanted(terms, values["all"])]


def _dkim(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    if bool(values["key"]) == bool(values["target"]):
        raise wrong("key", "parameter_required", "Give either `key` or `target`, as you were told.")
    selector = values["selector"]
    if values["target"]:
        return [
            TemplateRecord("CNAME", f"{selector}._domainkey", values["target"], Beside.CONFLICTS)
        ]
    return [dkim_text(selector, values["key"], values["algorithm"])]


def _dmarc(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    tags = [f"p={values['policy']}"]
    if values["subdomain_policy"]:
        tags.append(f"sp={values['subdomain_policy']}")
    if values["rua"]:
        tags.append(f"rua={values['rua']}")
    text = "; ".join(["v=DMARC1", *tags])
    return [TemplateRecord("TXT", "_dmarc", text, Beside.CHANGES, "v=DMARC1")]


def _caa(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    issuer = values["issuer"].removesuffix(".")
    found = [TemplateRecord("CAA", "@", f'0 issue "{issuer}"')]
    if values["wildcards"] == "no":
        found.append(TemplateRecord("CAA", "@", '0 issuewild ";"', Beside.STAYS))
    if values["report_to"]:
        found += [
            TemplateRecord("CAA", "@", f'0 iodef "{one}"') for one in values["report_to"].split(",")
        ]
    return found


TEMPLATES = (
    Template(
        "spf",
        "SPF: who may send",
        "Adds senders to the one SPF record of the domain, or makes it.",
        (
            Parameter("include", ParameterKind.HOSTS, "Domains whose senders may send.", "_spf.example.net"),
            Parameter("ip", ParameterKind.NETWORKS, "Addresses and networks that may send.", "192.0.2.0/24"),
            Parameter(
                "mx", ParameterKind.TEXT, "Whether the domain's mail servers may send.", "yes", default="no",
                choices=("yes", "no"),
            ),
            ALL,
        ),
        _spf,
    ),
    Template(
        "dkim",
        "DKIM: a signing key",
        "The public key of a selector as TXT, or the CNAME to where the sender keeps it.",
        (
            Parameter("selector", ParameterKind.LABELS, "Selector.", "s1", required=True),
            Parameter("key", ParameterKind.KEY, "Public key, the part behind p=.", "MIIB..."),
            Parameter("target", ParameterKind.HOST, "Where the sender keeps the key.", "s1.dkim.example.net"),
            Parameter(
                "algorithm", ParameterKind.TEXT, "Kind of the key (RFC 8463 for ed25519).", "rsa",
                default="rsa", choices=("rsa", "ed25519"),
            ),
        ),
        _dkim,
    ),
    Template(
        "dmarc",
        "DMARC: what becomes of forgeries",
        "The one DMARC policy of the domain (RFC 7489). Receivers send reports to a domain other than "
        "this one only when that one admits it (section 7.1).",
        (
            Parameter("policy", ParameterKind.TEXT, "For forged mail.", "none", required=True, choices=_POLICIES),
            Parameter(
                "subdomain_policy", ParameterKind.TEXT, "The same below the domain.", "reject",
                choices=_POLICIES,
            ),
            Parameter("rua", ParameterKind.EMAILS, "Where reports go.", "dmarc@example.com"),
        ),
        _dmarc,
    ),
    Template(
        "caa",
        "CAA: who may issue certificates",
        "Lets one authority issue (RFC 8659). Others that are admitted stay admitted.",
        (
            Parameter(
                "issuer", ParameterKind.HOST, "Domain of the authority; it must be the one that you use.",
                "letsencrypt.org", required=True,
            ),
            Parameter(
                "wildcards", ParameterKind.TEXT, "Whether it may issue wildcards.", "yes", default="yes",
                choices=("yes", "no"),
            ),
            Parameter("report_to", ParameterKind.EMAILS, "Who is told of refused requests.", "x@example.com"),
        ),
        _caa,
    ),
)  # fmt: skip
"""In the order in which they are shown."""
