"""Records whose value is another host: CNAME, DNAME, NS, PTR, ALIAS, ANAME, MX and SRV."""

import ipaddress
import re

from nameplate.core.errors import Invalid
from nameplate.core.labels import folded, pair
from nameplate.core.names import is_within
from nameplate.core.rdata.value import Fields, Given, Rdata, number, wrong

_LABEL = r"[a-z0-9_+/](?:[a-z0-9_+/-]{0,61}[a-z0-9_+/])?"  # `/` and `+` as RFC 2317 has them
_PLAIN_LABEL = re.compile(_LABEL)
_PLAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_FORBIDDEN = re.compile(r"[\x00-*,:-@\[-^`{-\x7f]")  # ASCII but letters, digits, `-._+/`
_MAX_NAME = 253  # characters without the final dot (RFC 1035 section 2.3.4)
_HOST_ONLY = frozenset({"MX", "NS", "SRV"})  # hosts in the sense of RFC 1123: no underscore
_LOOPING = frozenset({"ALIAS", "ANAME", "CNAME", "DNAME"})
"""What is looked up in place of the owner. A host may well be its own mail, name or service host."""


def name_length(name: str) -> int:
    """Return the octets of an absolute name (with final dot) on the wire."""
    return 1 if name == "." else len(name) + 1


def is_address(text: str) -> bool:
    """Tell whether `text` is an IP address, in brackets or not."""
    try:
        ipaddress.ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def labels(name: str, pointer: str) -> list[str]:
    """Return the canonical labels of `name` (RFC 5890), refusing what cannot be one."""
    if _PLAIN.fullmatch(name) and "--" not in name:  # most names: nothing to fold
        found = name.split(".")
    else:
        bad = _FORBIDDEN.search(name)
        if bad:
            raise wrong(
                pointer, "name_character", f"Remove {bad[0]!r}. It is not allowed in a host name."
            )
        try:
            found = [_label(label) for label in folded(name).split(".")]
        except Invalid as error:
            raise wrong(pointer, error.code, error.detail) from None
    if len(".".join(found)) > _MAX_NAME:
        raise wrong(pointer, "name_too_long", "The name is longer than 253 characters.")
    return found


def _label(label: str) -> str:
    if ("/" in label or "+" in label) and _PLAIN_LABEL.fullmatch(label):
        return label
    return pair(label, underscore=True)[0]


def doubled(name: str, zone: str) -> bool:
    """Tell whether `name` ends in the zone's name twice: somebody's panel appended it."""
    return is_within(name, f"{zone}.{zone}")


def _refuse_non_names(text: str, pointer: str) -> None:
    if not text:
        raise wrong(pointer, "value_required", "A host name is required here.")
    # A path ends no name; RFC 2317 has slashes in names below in-addr.arpa.
    if "://" in text or ("/" in text and not text.lower().endswith((".", ".arpa"))):
        raise wrong(
            pointer,
            "target_is_url",
            f"`{text}` is a URL. Give only the host name, without scheme and path.",
        )
    if is_address(text) or re.fullmatch(r"[0-9.]+", text.strip(".") or "x"):
        raise wrong(
            pointer,
            "target_is_address",
            f"`{text}` is an IP address. Expected a host name. Use an A or AAAA record for "
            "an address.",
        )
    if ":" in text:
        raise wrong(pointer, "target_has_port", f"`{text}` has a port. Give only the host name.")
    if len(text.split()) > 1:
        raise wrong(
            pointer, "target_several", f"`{text}` is more than one word. Give one host name."
        )
    if "@" in text:
        raise wrong(
            pointer, "target_is_email", f"`{text}` is an e-mail address. Expected a host name."
        )


def target(text: str, given: Given) -> str:
    """Return the host in `text` as an absolute name with final dot.

    `@` is the apex, `.` the root, and a single label is relative to the apex; everything else is
    taken as absolute, with or without final dot. Raises `Invalid` with the pointer `/value`.
    """
    text = text.strip()
    if text == "@":
        return f"{given.origin}."
    if text == ".":
        return text
    _refuse_non_names(text, "/value")
    relative = "." not in text
    parts = labels(text.removesuffix("."), "/value")
    name = f"{parts[0]}.{given.origin}" if relative else ".".join(parts)
    if doubled(name, given.origin):
        raise wrong(
            "/value",
            "doubled_name",
            f"`{name}` ends in `{given.origin}` twice. Write `{name[: -len(given.origin) - 1]}`.",
        )
    odd = re.search("[_+/]", name) if given.type in _HOST_ONLY else None
    if odd:
        raise wrong(
            "/value", "target_not_host", f"`{name}` is not a host name: `{odd[0]}` is not allowed."
        )
    _refuse_loops(name, given)
    return f"{name}."


def _refuse_loops(name: str, given: Given) -> None:
    if given.type in _LOOPING and name == given.owner:
        raise wrong(
            "/value", "target_is_self", f"`{name}` would point to itself. Give another target."
        )
    if given.type == "DNAME" and given.owner and is_within(name, given.owner):
        raise wrong(
            "/value",
            "target_is_self",
            f"`{name}` is below `{given.owner}`, so that every name below would lead to a longer "
            "one without end. Give another target.",
        )


def parse_target(given: Given) -> Rdata:
    """Read CNAME, DNAME, NS, PTR, ALIAS or ANAME: one host name."""
    text = target(given.value, given)
    return Rdata(given.type, text, Fields(text), name_length(text))


def _numbers_apart(given: Given, names: tuple[str, ...]) -> tuple[list[int], str]:
    """Return the numbers and the host, given in the value, in the fields of their own, or both."""
    words = given.value.split()
    inside: list[str | None] = [None] * len(names)
    if len(words) == len(names) + 1:
        inside = [*words[:-1]]
        words = words[-1:]
    numbers = []
    for name, word in zip(names, inside, strict=True):
        apart = getattr(given, name)
        if apart is None and word is None:
            raise wrong(f"/{name}", f"{name}_required", f"`{name}` is required for {given.type}.")
        one = number(word if apart is None else apart, f"/{name}")
        if word is not None and number(word, f"/{name}") != one:
            raise wrong(
                f"/{name}",
                f"{name}_differs",
                f"`{name}` is {apart}, but the value has {word}. Give it only once.",
            )
        numbers.append(one)
    return numbers, " ".join(words)


def parse_mx(given: Given) -> Rdata:
    """Read MX (RFC 5321): `10 mail.example.com`, or the host alone and `priority`; null MX is `0 .`."""
    (priority,), host = _numbers_apart(given, ("priority",))
    if host == ".":  # null MX (RFC 7505)
        if priority != 0:
            raise wrong(
                "/priority", "null_mx_priority", "The null MX `.` must have priority 0 (RFC 7505)."
            )
        name = "."
    else:
        name = target(host, given)
    return Rdata("MX", f"{priority} {name}", Fields(name, priority), 2 + name_length(name))


def parse_srv(given: Given) -> Rdata:
    """Read SRV (RFC 2782): `priority weight port host`, or the host alone and the fields."""
    (priority, weight, port), host = _numbers_apart(given, ("priority", "weight", "port"))
    name = target(host, given)
    text = f"{priority} {weight} {port} {name}"
    return Rdata("SRV", text, Fields(name, priority, weight, port), 6 + name_length(name))


def service_target(text: str, given: Given) -> str:
    """Return the target of SVCB: `.` for the owner itself (RFC 9460 section 2.5), or a host."""
    return target(text, given)
