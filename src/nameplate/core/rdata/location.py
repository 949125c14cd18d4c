"""LOC: where on earth something is (RFC 1876), in whole centimetres and milliseconds of arc."""

import re
import struct
from decimal import Decimal

from nameplate.core.rdata.forms import misshapen
from nameplate.core.rdata.value import Fields, Given, Rdata, wrong

_ANGLE = r"(\d{1,3})(?:\s+(\d{1,2})(?:\s+(\d{1,2}(?:\.\d{1,3})?))?)?"
_METRES = r"\d{1,8}(?:\.\d{1,2})?m?"
_SHAPE = re.compile(
    rf"\s*{_ANGLE}\s+([NSns])\s+{_ANGLE}\s+([EWew])\s+(-?{_METRES})"
    rf"(?:\s+({_METRES}))?(?:\s+({_METRES}))?(?:\s+({_METRES}))?\s*",
    re.ASCII,
)
_WIRE = struct.Struct("!BBBBIII")
_MIDDLE = 2**31
_BELOW = 10_000_000
"""Centimetres below the reference spheroid at which altitudes begin."""
_MAX_SIZE = 9_000_000_000
_DEFAULTS = (100, 1_000_000, 1000)
"""Centimetres of size, horizontal and vertical precision where they are left out."""
_DEGREE, _MINUTE = 3_600_000, 60_000
LENGTH = 16


def parse_loc(given: Given) -> Rdata:
    """Read LOC: `52 22 23 N 4 53 32 E -2m`, then size, horizontal and vertical precision."""
    numbers = _numbers(given.value)
    if numbers is None:
        raise misshapen(given)
    latitude, longitude, altitude, sizes = numbers
    if abs(latitude) > 90 * _DEGREE or abs(longitude) > 180 * _DEGREE:
        raise _out("a latitude of at most 90 degrees and a longitude of at most 180")
    if not -_BELOW <= altitude < 2**32 - _BELOW:
        raise _out("an altitude from -100000.00 to 42849672.95 metres")
    if max(sizes) > _MAX_SIZE:
        raise _out("size and precisions of at most 90000000.00 metres")
    text = _text(latitude, longitude, altitude, sizes)
    return Rdata("LOC", text, Fields(text), LENGTH)


def canonical_loc(text: str) -> str:
    """Return LOC in canonical form. Raises `ValueError` when it is none."""
    numbers = _numbers(text)
    if numbers is None:
        raise ValueError(text)
    return _text(*numbers)


def whole_loc(text: str) -> str:
    """Return canonical LOC with size and precisions, which it leaves out where they are usual."""
    return f"{text} {_metres(_DEFAULTS)}" if text.count("m") == 1 else text


def loc_wire(text: str) -> bytes:
    """Return LOC on the wire. Raises `ValueError`, or `struct.error` where it is out of range."""
    numbers = _numbers(text)
    if numbers is None:
        raise ValueError(text)
    latitude, longitude, altitude, sizes = numbers
    packed = (
        sum(part * factor for part, factor in zip(_power(s), (16, 1), strict=True)) for s in sizes
    )
    return _WIRE.pack(0, *packed, _MIDDLE + latitude, _MIDDLE + longitude, altitude + _BELOW)


def _out(expected: str) -> Exception:
    return wrong("/value", "loc_range", f"Expected {expected} in LOC (RFC 1876).")


def _numbers(text: str) -> tuple[int, int, int, tuple[int, int, int]] | None:
    """Return latitude, longitude in milliseconds of arc; altitude, sizes in centimetres."""
    found = _SHAPE.fullmatch(text)
    if found is None:
        return None
    latitude, longitude = _angle(*found.group(1, 2, 3)), _angle(*found.group(5, 6, 7))
    if latitude is None or longitude is None:
        return None
    latitude = -latitude if found[4] in "Ss" else latitude
    longitude = -longitude if found[8] in "Ww" else longitude
    size, across, up = (
        _DEFAULTS[at] if word is None else _centimetres(word)
        for at, word in enumerate(found.group(10, 11, 12))
    )
    return latitude, longitude, _centimetres(found[9]), (size, across, up)


def _angle(degrees: str, minutes: str | None, seconds: str | None) -> int | None:
    """Return milliseconds of arc, None where minutes or seconds are 60 or more."""
    arc = int(Decimal(seconds or 0) * 1000)
    if int(minutes or 0) > 59 or arc >= _MINUTE:  # noqa: PLR2004 - minutes of a degree
        return None
    return int(degrees) * _DEGREE + int(minutes or 0) * _MINUTE + arc


def _centimetres(word: str) -> int:
    return int(Decimal(word.removesuffix("m")) * 100)


def _power(centimetres: int) -> tuple[int, int]:
    """Return the one digit and the power of ten that a size has on the wire."""
    exponent = max(len(str(centimetres)) - 1, 0)
    return centimetres // 10**exponent, exponent if centimetres else 0


def _rounded(centimetres: int) -> int:
    """Return what is left of a size on the wire, which has one digit."""
    digit, exponent = _power(centimetres)
    return int(digit * 10**exponent)


def _text(latitude: int, longitude: int, altitude: int, sizes: tuple[int, int, int]) -> str:
    north, east = ("S" if latitude < 0 else "N"), ("W" if longitude < 0 else "E")
    shown = f"{_degrees(latitude)} {north} {_degrees(longitude)} {east} {_metres((altitude,))}"
    kept = tuple(map(_rounded, sizes))
    return shown if kept == _DEFAULTS else f"{shown} {_metres(kept)}"


def _degrees(arc: int) -> str:
    degrees, rest = divmod(abs(arc), _DEGREE)
    minutes, rest = divmod(rest, _MINUTE)
    return f"{degrees} {minutes} {rest // 1000}.{rest % 1000:03d}"


def _metres(lengths: tuple[int, ...]) -> str:
    shown = (f"{abs(length) // 100}.{abs(length) % 100:02d}m" for length in lengths)
    return " ".join(
        f"-{one}" if length < 0 else one for one, length in zip(shown, lengths, strict=True)
    )
