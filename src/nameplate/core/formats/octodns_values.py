"""Values of records as octoDNS writes them: mappings of their parts, and texts with `;` escaped."""

import re
from collections.abc import Mapping
from typing import Any

from nameplate.core.rdata.location import whole_loc
from nameplate.core.rdata.text import quoted
from nameplate.core.rdata.unknown import octets

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_STRINGS = re.compile(r'"(?:[^"\\]|\\.)*"(?: "(?:[^"\\]|\\.)*")*', re.DOTALL)
_INNER = re.compile(r'(?:[^"\\]|\\.)*', re.DOTALL)
_ESCAPE = re.compile(rb"\\(\d{3}|.)", re.DOTALL)
_MAX_STRING = 255
_PARTS: Mapping[str, tuple[str, ...]] = {
    "CAA": ("flags", "tag", "value"),
    "DS": ("key_tag", "algorithm", "digest_type", "digest"),
    "MX": ("preference", "exchange"),
    "NAPTR": ("order", "preference", "flags", "service", "regexp", "replacement"),
    "SRV": ("priority", "weight", "port", "target"),
    "SSHFP": ("algorithm", "fingerprint_type", "fingerprint"),
    "TLSA": ("certificate_usage", "selector", "matching_type", "certificate_association_data"),
    "URI": ("priority", "weight", "target"),
}
"""The parts of a value, in the order of presentation form."""
_QUOTED: Mapping[str, frozenset[str]] = {
    "CAA": frozenset({"value"}),
    "NAPTR": frozenset({"flags", "service", "regexp"}),
    "URI": frozenset({"target"}),
}
"""Parts that presentation form has in double quotes."""
_LOC = (
    *("lat_degrees", "lat_minutes", "lat_seconds", "lat_direction"),
    *("long_degrees", "long_minutes", "long_seconds", "long_direction"),
    *("altitude", "size", "precision_horz", "precision_vert"),
)
_LOC_LETTERS = frozenset({"lat_direction", "long_direction"})
_LOC_WHOLE = frozenset(name for name in _LOC if name.endswith(("degrees", "minutes")))
_LOC_METRES = frozenset(_LOC[8:])
_OLD_NAMES = {"preference": "priority", "exchange": "value"}
_TEXTS = frozenset(
    {
        *("certificate_association_data", "digest", "exchange", "fingerprint", "flags", "regexp"),
        *("replacement", "service", "tag", "target", "value"),
    }
)
_LISTS = frozenset({"alpn", "ipv4hint", "ipv6hint", "mandatory"})
_PARAMETER = re.compile(r'([a-z0-9-]+)(?:="((?:[^"\\]|\\.)*)")?')


class Misshapen(Exception):
    """A value that octoDNS would not write so; says what was expected."""


def presentation(rdtype: str, value: Any) -> str:  # noqa: ANN401 - text, None, list or mapping
    """Return the presentation form of a value of an octoDNS file. Raises `Misshapen`."""
    if isinstance(value, str) and octets(value) is not None:
        return value
    if rdtype == "TXT":
        return _txt(_text(value, "text"))
    if rdtype in {"HTTPS", "SVCB"}:
        return _service(_mapping(value, ("svcpriority", "targetname", "svcparams")))
    if rdtype == "LOC":
        parts = _mapping(value, _LOC)
        words = [_text(parts.get(part), f"text in `{part}`") for part in _LOC]
        return " ".join(
            f"{word}m" if part in _LOC_METRES else word
            for part, word in zip(_LOC, words, strict=True)
        )
    names = _PARTS.get(rdtype)
    if names is None:
        return _text(value, "text")
    parts = _mapping(value, names)
    words = []
    for part in names:
        word = _text(parts.get(part, parts.get(_OLD_NAMES.get(part, ""))), f"text in `{part}`")
        words.append(_in_quotes(word) if part in _QUOTED.get(rdtype, ()) else word)
    return " ".join(words)


def _text(value: object, expected: str) -> str:
    if not isinstance(value, str):
        found = {type(None): "nothing", list: "a list"}.get(type(value), "a mapping")
        raise Misshapen(f"Expected {expected}, not {found}.")
    return value


def _mapping(value: Any, parts: tuple[str, ...]) -> Mapping[str, Any]:  # noqa: ANN401 - as above
    if not isinstance(value, Mapping):
        raise Misshapen(f"Expected a mapping of {', '.join(parts)}.")
    unknown = sorted(value.keys() - set(parts) - {_OLD_NAMES.get(part, "") for part in parts})
    if unknown:
        raise Misshapen(f"Expected a mapping of {', '.join(parts)}, not {unknown[0][:80]}.")
    return value


def _txt(value: str) -> str:
    if _STRINGS.fullmatch(value):  # octoDNS, too, takes outer quotes as such
        return quoted(_octets(found) for found in _STRING.findall(value))
    return quoted([_octets(value)])


def _in_quotes(text: str) -> str:
    if _INNER.fullmatch(text):
        return f'"{text}"'
    return quoted([text.encode()])


def _service(value: Mapping[str, Any]) -> str:
    words = [_text(value.get(part), f"text in `{part}`") for part in ("svcpriority", "targetname")]
    parameters = value.get("svcparams", {})
    if not isinstance(parameters, Mapping):
        raise Misshapen("Expected a mapping in `svcparams`.")
    return " ".join([*words, *(_parameter(*pair) for pair in parameters.items())])


def _parameter(key: str, value: object) -> str:
    if value is None:
        return key
    if isinstance(value, list):
        value = ",".join(_text(one, f"texts in `{key}`") for one in value)
    return f'{key}="{_text(value, f"text or a list of texts in `{key}`")}"'


def structured(rdtype: str, value: str) -> Any:  # noqa: ANN401 - text or a mapping
    """Return a canonical value as octoDNS writes it."""
    if octets(value) is not None:
        return value
    if rdtype == "TXT":
        return _unquoted(value)
    if rdtype in {"HTTPS", "SVCB"}:
        priority, target, *params = value.split(" ", 2)
        pairs = _parameters(params[0]) if params else {}
        return {"svcpriority": int(priority), "targetname": target, "svcparams": pairs}
    if rdtype == "LOC":
        return _location(value)
    names = _PARTS.get(rdtype)
    if names is None:
        return value
    words = _words(value) if rdtype in _QUOTED else value.split(" ", len(names) - 1)
    return {
        name: word if name in _TEXTS and (rdtype, name) != ("CAA", "flags") else int(word)
        for name, word in zip(names, words, strict=True)
    }


def _words(value: str) -> list[str]:
    """Return the words of a value, what is in quotes without them and with its escapes."""
    found = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', value)
    return [inside or outside for inside, outside in found]


def _location(value: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, word in zip(_LOC, whole_loc(value).split(), strict=True):
        if name in _LOC_WHOLE:
            found[name] = int(word)
        else:
            found[name] = word if name in _LOC_LETTERS else float(word.removesuffix("m"))
    return found


def _parameters(text: str) -> dict[str, Any]:
    return {
        key: (value.split(",") if key in _LISTS else value) or None
        for key, value in _PARAMETER.findall(text)
    }


def _unquoted(value: str) -> str:
    r"""Return octoDNS's form of a text: `;` and what is not printable ASCII behind a backslash.

    Quotes stay where the strings are not cut as they usually are.
    """
    strings = [_octets(part) for part in _STRING.findall(value)]
    whole = b"".join(strings)
    usual = [whole[at : at + _MAX_STRING] for at in range(0, len(whole), _MAX_STRING)] or [b""]
    if strings != usual:
        return re.sub(r"(?<!\\);", r"\\;", value)
    text = "".join(_OCTETS[octet] for octet in whole).replace("\\\\\\;", "\\092\\;")
    return text.replace('"', '\\"') if text.startswith('"') or '" "' in text else text


def _octets(string: str) -> bytes:
    def octet(found: re.Match[bytes]) -> bytes:
        code = found[1]
        return bytes([int(code)]) if code.isdigit() and int(code) < 256 else code  # noqa: PLR2004 - one octet

    return _ESCAPE.sub(octet, string.encode())


_OCTETS = [chr(octet) if 0x20 <= octet < 0x7F else f"\\{octet:03d}" for octet in range(256)]  # noqa: PLR2004  # printable ASCII
_OCTETS[ord(";")] = "\\;"
_OCTETS[ord("\\")] = "\\\\"
