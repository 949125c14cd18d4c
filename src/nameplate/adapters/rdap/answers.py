"""Reading one RDAP answer about a domain (RFC 9083): each field is checked by itself.

A field that is missing, redacted or odd is not known; it never hides another one, and nothing but the
fields named here is looked at.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from nameplate.core.errors import Invalid
from nameplate.core.names import parse
from nameplate.core.registered import RegistryEntry, RegistryStatus

_MAX_TEXT = 200
_MAX_SERVERS = 30
_MAX_ENTITIES = 50
_EARLIEST, _LATEST = datetime(1985, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)
_STATES = {one.value.replace("_", ""): one for one in RegistryStatus}
_HOST = re.compile(r"(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
_FRACTION = re.compile(r"(\.\d{6})\d+")


class UnreadableAnswer(Exception):
    """The answer is no RDAP answer about the domain that was asked for."""


def read(body: bytes, domain: str) -> RegistryEntry:
    """Return what an answer says of `domain`. Raises `UnreadableAnswer`."""
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise UnreadableAnswer from None
    if not isinstance(answer, dict) or answer.get("objectClassName") != "domain":
        raise UnreadableAnswer
    if not _is_about(answer, domain):
        raise UnreadableAnswer
    events = _events(answer)
    name, number = _registrar(answer)
    return RegistryEntry(
        registrar=name,
        registrar_id=number,
        registered_at=events.get("registration"),
        expires_at=events.get("expiration"),
        states=frozenset(_states(answer)),
        name_servers=_name_servers(answer),
        is_signed=_is_signed(answer),
    )


def _is_about(answer: Mapping[str, Any], domain: str) -> bool:
    """Tell whether the object is the domain that was asked for: in letters, digits, hyphens, or in full."""
    for key in ("ldhName", "unicodeName"):
        found = answer.get(key)
        if isinstance(found, str) and len(found) < _MAX_TEXT * 2:
            try:
                return parse(found.removesuffix("."), special_use=True).name == domain
            except Invalid:
                return False
    return False


def _events(answer: Mapping[str, Any]) -> dict[str, datetime | None]:
    """Return the moments by their action; two that differ say nothing."""
    found: dict[str, datetime | None] = {}
    for event in _objects(answer.get("events")):
        action, at = event.get("eventAction"), _moment(event.get("eventDate"))
        if not isinstance(action, str) or at is None:
            continue
        key = action.strip().lower()
        found[key] = at if found.get(key, at) == at else None
    return found


def _moment(text: object) -> datetime | None:
    """Return a moment in UTC; one without an offset is taken as UTC, a day as its beginning."""
    if not isinstance(text, str) or len(text) > 40:  # noqa: PLR2004 - RFC 3339 needs fewer
        return None
    try:
        found = datetime.fromisoformat(_FRACTION.sub(r"\1", text.strip()))
        found = found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return found if _EARLIEST <= found < _LATEST else None


def _states(answer: Mapping[str, Any]) -> Iterator[RegistryStatus]:
    """Yield what is known of the states, in the words of RDAP, of EPP, and of those who mix them."""
    listed = answer.get("status")
    for one in listed if isinstance(listed, list) else [listed]:
        if isinstance(one, str) and len(one) < _MAX_TEXT:
            word = re.sub(r"[^a-z]", "", one.partition("http")[0].lower())
            if word in _STATES:
                yield _STATES[word]


def _registrar(answer: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Return the registrar's name and its number at IANA."""
    for entity in _objects(answer.get("entities"))[:_MAX_ENTITIES]:
        roles = entity.get("roles")
        if not isinstance(roles, list) or "registrar" not in roles:
            continue
        number = next(filter(None, map(_number, _objects(entity.get("publicIds")))), None)
        name = _full_name(entity.get("vcardArray")) or _text(entity.get("handle"))
        if name is not None or number is not None:
            return name or f"IANA {number}", number
    return None, None


def _number(public_id: Mapping[str, Any]) -> str | None:
    kind, number = public_id.get("type"), public_id.get("identifier")
    if not isinstance(kind, str) or kind.strip().lower() != "iana registrar id":
        return None
    text = str(number) if isinstance(number, int | str) else ""
    return text if re.fullmatch(r"[0-9]{1,9}", text) else None


def _full_name(card: object) -> str | None:
    """Return the `fn` of a jCard (RFC 7095), or else its `org`."""
    lines = card[1] if isinstance(card, list) and len(card) > 1 else None
    found: dict[str, str] = {}
    for line in lines if isinstance(lines, list) else []:
        if isinstance(line, list) and len(line) > 3 and isinstance(line[0], str):  # noqa: PLR2004 - name, parameters, type, value
            text = _text(line[3])
            if text is not None:
                found.setdefault(line[0].lower(), text)
    return found.get("fn") or found.get("org")


def _text(value: object) -> str | None:
    """Return a short printable text; a redacted one is none."""
    if not isinstance(value, str):
        return None
    text = " ".join("".join(c if c.isprintable() else " " for c in value[:_MAX_TEXT]).split())
    return None if not text or "redacted" in text.lower() else text


def _name_servers(answer: Mapping[str, Any]) -> tuple[str, ...]:
    found = set()
    for server in _objects(answer.get("nameservers"))[:_MAX_SERVERS]:
        name = server.get("ldhName")
        if isinstance(name, str) and _HOST.fullmatch(host := name.lower().removesuffix(".")):
            found.add(host)
    return tuple(sorted(found))


def _is_signed(answer: Mapping[str, Any]) -> bool | None:
    secure = answer.get("secureDNS")
    signed = secure.get("delegationSigned") if isinstance(secure, dict) else None
    return signed if isinstance(signed, bool) else None


def _objects(value: object) -> Sequence[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
