"""What a template is: parameters that are checked, and a function from them to records."""

import base64
import binascii
import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from nameplate.core import rdata
from nameplate.core.errors import Invalid, Problem


class ParameterKind(StrEnum):
    """What the text of a parameter must be."""

    TEXT = "text"
    HOST = "host"
    HOSTS = "hosts"
    """Host names with commas between them, the preferred one first."""
    NETWORKS = "networks"
    """IP addresses and networks with commas between them."""
    EMAILS = "emails"
    LABELS = "labels"
    """One or more labels of a name, such as a DKIM selector (RFC 6376 section 3.1)."""
    KEY = "key"
    """A public key in base64."""


class Beside(StrEnum):
    """What becomes of another record of the owner's in the same place."""

    STAYS = "stays"
    CONFLICTS = "conflicts"
    CHANGES = "changes"
    MERGES = "merges"


@dataclass(frozen=True, slots=True)
class Parameter:
    """One value that a template takes, always as text."""

    name: str
    kind: ParameterKind
    description: str
    example: str
    required: bool = False
    default: str = ""
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TemplateZone:
    """The domain that a template is applied to."""

    name: str
    """The domain, without a wildcard's `*.`."""
    zone: str
    apex_alias: bool = False
    """The provider has ALIAS records, and so do we."""


@dataclass(frozen=True, slots=True)
class TemplateRecord:
    """A record that a template asks for."""

    type: str
    name: str
    """Relative to the domain, `@` for itself."""
    value: str
    """As a person would give it, the numbers of MX in front."""
    beside: Beside = Beside.STAYS
    marker: str = ""
    """For TXT: how the text begins that can be there once only, `v=spf1` for instance."""


Values = Mapping[str, str]
"""Every parameter of a template, checked and in canonical form; empty: not given."""


@dataclass(frozen=True, slots=True)
class Template:
    """A common need by name."""

    name: str
    title: str
    description: str
    parameters: tuple[Parameter, ...]
    build: Callable[[TemplateZone, Values], Sequence[TemplateRecord]]

    def records(self, site: TemplateZone, given: Mapping[str, str]) -> Sequence[TemplateRecord]:
        """Return the records for `given`. Raises `Invalid` with a pointer for each wrong one."""
        return self.build(site, read(self.parameters, given))


def read(parameters: Sequence[Parameter], given: Mapping[str, str]) -> dict[str, str]:
    """Return the values of all parameters, checked; raise one `Invalid` for all that is wrong."""
    known = {one.name: one for one in parameters}
    problems = [
        Problem(
            f"/parameters/{name}",
            "parameter_unknown",
            f"Unknown parameter `{name}`. Known parameters: {', '.join(known) or 'none'}.",
        )
        for name in given
        if name not in known
    ]
    values = {}
    for one in parameters:
        try:
            values[one.name] = _value(one, given.get(one.name, "").strip() or one.default)
        except Invalid as error:
            detail = error.problems[0].detail if error.problems else error.detail
            problems.append(Problem(f"/parameters/{one.name}", error.code, detail))
    if problems:
        raise Invalid("parameters_invalid", problems[0].detail, problems)
    return values


def wrong(name: str, code: str, detail: str) -> Invalid:
    """Return the error for one parameter."""
    return Invalid("parameters_invalid", detail, [Problem(f"/parameters/{name}", code, detail)])


def _value(one: Parameter, text: str) -> str:
    if not text:
        if one.required:
            raise Invalid("parameter_required", f"`{one.name}` is required, such as {one.example}.")
        return ""
    if one.choices and text not in one.choices:
        raise Invalid(
            "parameter_invalid", f"Expected one of {', '.join(one.choices)} in `{one.name}`."
        )
    return _READERS[one.kind](text)


def _text(text: str) -> str:
    if not text.isprintable() or len(text) > 2000:  # noqa: PLR2004 - far above any token
        raise Invalid("parameter_invalid", "The text has line breaks or more than 2000 characters.")
    return text


def host(text: str) -> str:
    """Return the absolute host name with final dot. Raises `Invalid`."""
    bare = text.removesuffix(".")
    if "." not in bare:
        raise Invalid(
            "parameter_invalid", f"`{text}` is not a full host name such as mx.example.net."
        )
    try:
        return rdata.parse("CNAME", f"{bare}.", origin="").text
    except Invalid as error:
        raise Invalid("parameter_invalid", error.detail) from None


def _split(text: str) -> Iterator[str]:
    return (part.strip() for part in text.split(",") if part.strip())


def _network(text: str) -> str:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        raise Invalid(
            "parameter_invalid",
            f"`{text}` is neither an IP address nor a network such as 192.0.2.0/24.",
        ) from None
    alone = network.num_addresses == 1
    return f"ip{network.version}:{network.network_address if alone else network}"


def _email(text: str) -> str:
    local, _, domain = text.removeprefix("mailto:").rpartition("@")
    # What separates addresses, sizes and tags of DMARC (RFC 7489 section 6.2) is refused, not escaped.
    if not re.fullmatch(r"[A-Za-z0-9.+_=-]{1,64}", local):
        raise Invalid(
            "parameter_invalid", f"`{text}` is not an e-mail address such as d@example.com."
        )
    return f"{local}@{host(domain).removesuffix('.')}"


def _labels(text: str) -> str:
    found = text.lower().strip(".")
    if not re.fullmatch(r"[a-z0-9_](?:[a-z0-9_.-]{0,100}[a-z0-9])?", found) or ".." in found:
        raise Invalid("parameter_invalid", f"`{text}` may only have letters, digits, `-` and `.`.")
    return found


def _key(text: str) -> str:
    bare = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    try:
        octets = base64.b64decode(bare, validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if len(octets) < 32:  # noqa: PLR2004 - an Ed25519 key, the shortest
        raise Invalid("parameter_invalid", "The key is not a public key in base64.")
    return bare


_READERS: Mapping[ParameterKind, Callable[[str], str]] = {
    ParameterKind.TEXT: _text,
    ParameterKind.HOST: host,
    ParameterKind.HOSTS: lambda text: ",".join(host(part) for part in _split(text)),
    ParameterKind.NETWORKS: lambda text: " ".join(_network(part) for part in _split(text)),
    ParameterKind.EMAILS: lambda text: ",".join(f"mailto:{_email(part)}" for part in _split(text)),
    ParameterKind.LABELS: _labels,
    ParameterKind.KEY: _key,
}
