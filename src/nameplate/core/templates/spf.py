"""SPF records (RFC 7208): reading, adding to the one that there is, and its limit of lookups."""

import re
from collections.abc import Sequence

from nameplate.core.errors import Invalid, Problem

MARKER = "v=spf1"
MAX_LOOKUPS = 10  # RFC 7208 section 4.6.4
_LOOKS_UP = frozenset({"include", "a", "mx", "ptr", "exists", "redirect"})
_TERM = re.compile(r"([+?~-]?)([A-Za-z][A-Za-z0-9_.-]*)([:=/].*)?")


def is_spf(text: str) -> bool:
    """Tell whether a text is an SPF record: the version is a word of its own (section 4.5)."""
    return text.lower() == MARKER or text.lower().startswith(f"{MARKER} ")


def lookups(terms: Sequence[str]) -> int:
    """Count the terms that make a receiver ask DNS. What included records ask comes on top."""
    return sum(_name(term) in _LOOKS_UP for term in terms)


def merged(text: str, more: str) -> str:
    """Return the SPF record `text` with the mechanisms of the record `more` that it lacks.

    They go before `all`, after which nothing counts (section 5.1), and before the modifiers; what
    `text` says of all others stays. Raises `Invalid` with the code `spf_too_many_lookups`.
    """
    terms = text.split()[1:]
    there = {term.lower().removeprefix("+") for term in terms}
    fresh = [t for t in more.split()[1:] if t.lower() not in there and _name(t) != "all"]
    place = next(
        (i for i, term in enumerate(terms) if _name(term) == "all" or _is_modifier(term)),
        len(terms),
    )
    found = [*terms[:place], *fresh, *terms[place:]]
    if not any(_name(term) in {"all", "redirect"} for term in found):
        found += [term for term in more.split() if _name(term) == "all"]
    return checked(" ".join([MARKER, *found]))


def checked(text: str) -> str:
    """Return `text`; raise `Invalid` when receivers would give up on it."""
    count = lookups(text.split()[1:])
    if count > MAX_LOOKUPS:
        detail = (
            f"The SPF record would need {count} DNS lookups, but receivers allow at most "
            f"{MAX_LOOKUPS} (RFC 7208 section 4.6.4). Remove includes that are no longer "
            "used."
        )
        raise Invalid(
            "spf_too_many_lookups", detail, [Problem("/parameters", "spf_too_many_lookups", detail)]
        )
    return text


def _name(term: str) -> str:
    found = _TERM.fullmatch(term)
    return found[2].lower() if found else ""


def _is_modifier(term: str) -> bool:
    found = _TERM.fullmatch(term)
    return found is not None and (found[3] or "").startswith("=")
