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
    "all", ParameterKind.TEXT,
    "What receivers do with mail from other senders. An existing SPF record keeps its own policy.",
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
        raise wrong(
            "include",
            "parameter_required",
            "Name the allowed senders with `include`, `ip` or `mx`.",
        )
    return [spf_wanted(terms, values["all"])]


def _dkim(_site: TemplateZone, values: Values) -> Sequence[TemplateRecord]:
    if bool(values["key"]) == bool(values["target"]):
        raise wrong("key", "parameter_required", "Give either `key` or `target`.")
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
        "SPF: allowed senders",
        "Adds senders to the domain's SPF record, or creates it.",
        (
            Parameter("include", ParameterKind.HOSTS, "Domains whose SPF senders are allowed too.", "_spf.example.net"),
            Parameter("ip", ParameterKind.NETWORKS, "Addresses and networks that are allowed to send.", "192.0.2.0/24"),
            Parameter(
                "mx", ParameterKind.TEXT, "Whether the domain's mail servers are allowed to send.", "yes", default="no",
                choices=("yes", "no"),
            ),
            ALL,
        ),
        _spf,
    ),
    Template(
        "dkim",
        "DKIM: signing key",
        "The public key of a selector as TXT, or a CNAME to the sender's copy of it.",
        (
            Parameter("selector", ParameterKind.LABELS, "Selector.", "s1", required=True),
            Parameter("key", ParameterKind.KEY, "Public key: the part after p=.", "MIIB..."),
            Parameter("target", ParameterKind.HOST, "Host name where the sender publishes the key.", "s1.dkim.example.net"),
            Parameter(
                "algorithm", ParameterKind.TEXT, "Kind of the key (RFC 8463 for ed25519).", "rsa",
                default="rsa", choices=("rsa", "ed25519"),
            ),
        ),
        _dkim,
    ),
    Template(
        "dmarc",
        "DMARC: policy for forged mail",
        "The domain's DMARC policy (RFC 7489). Receivers send reports to another domain "
        "only if that domain allows it (section 7.1).",
        (
            Parameter("policy", ParameterKind.TEXT, "What to do with forged mail.", "none", required=True, choices=_POLICIES),
            Parameter(
                "subdomain_policy", ParameterKind.TEXT, "What to do with forged mail from subdomains.", "reject",
                choices=_POLICIES,
            ),
            Parameter("rua", ParameterKind.EMAILS, "E-mail addresses that receive reports.", "dmarc@example.com"),
        ),
        _dmarc,
    ),
    Template(
        "caa",
        "CAA: allowed certificate authorities",

            "Allows one authority to issue certificates (RFC 8659). Authorities that are "
            "already allowed remain so."
        ,
        (
            Parameter(
                "issuer", ParameterKind.HOST, "Domain of the authority that you use.",
                "letsencrypt.org", required=True,
            ),
            Parameter(
                "wildcards", ParameterKind.TEXT, "Whether the authority may issue wildcard certificates.", "yes", default="yes",
                choices=("yes", "no"),
            ),
            Parameter("report_to", ParameterKind.EMAILS, "E-mail addresses that are notified of refused requests.", "x@example.com"),
        ),
        _caa,
    ),
)  # fmt: skip
"""In the order in which they are shown."""
