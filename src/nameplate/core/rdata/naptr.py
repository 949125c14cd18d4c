"""NAPTR: rules that rewrite a name into a URI or another name (RFC 3403)."""

import re

from nameplate.core.rdata.fixed import fixed
from nameplate.core.rdata.forms import misshapen
from nameplate.core.rdata.hosts import target
from nameplate.core.rdata.value import Given, Rdata, wrong

_WORD = re.compile(r'"(?:[^"\\]|\\.)*"|(?:[^\s"\\]|\\.)+', re.DOTALL)
_WORDS = 6
_MAX_STRING = 255
_GROUPS = re.compile(rb"\\.|\[\^?\]?[^\]]*\]", re.DOTALL)
"""What is no group though it may have a parenthesis."""
_FLAGS = re.compile(rb"[A-Za-z0-9]*")


def parse_naptr(given: Given) -> Rdata:
    """Read NAPTR: order, preference, flags, services, regular expression and replacement."""
    words = _WORD.findall(given.value)
    if len(words) != _WORDS or "".join(given.value.split()) != "".join("".join(words).split()):
        raise misshapen(given)
    *rest, last = words
    host = target(last, given)
    for word in rest[2:]:
        if _octets(word) > _MAX_STRING:
            raise wrong(
                "/value",
                "text_too_long",
                f"A string of NAPTR has {_octets(word)} octets. DNS allows at most {_MAX_STRING}.",
            )
    parsed, rdata = fixed(given, " ".join([*rest, host]))
    _check_flags(rdata.flags)
    _check_regexp(rdata.regexp)
    if rdata.regexp and host != ".":
        raise wrong(
            "/value",
            "naptr_both",
            "NAPTR has either a regular expression or a replacement (RFC 3403 section 4.1). Write "
            '`""` for the expression, or `.` for the replacement.',
        )
    return parsed


def _octets(word: str) -> int:
    """Return how many octets a word stands for."""
    inner = word[1:-1] if word[0] == '"' else word
    return len(re.sub(r"\\(?:\d{3}|.)", "x", inner, flags=re.DOTALL).encode(errors="replace"))


def _check_flags(flags: bytes) -> None:
    if not _FLAGS.fullmatch(flags):
        raise wrong(
            "/value",
            "naptr_flags",
            "Expected letters and digits in the flags of NAPTR, such as `u`.",
        )


def _check_regexp(regexp: bytes) -> None:
    r"""Check the form of a substitution: delimiter, expression, delimiter, text, delimiter, flags.

    A reference `\1` in the text needs its group in the expression: servers refuse it otherwise.
    """
    if not regexp:
        return
    delimiter = regexp[:1]
    found = None
    if delimiter not in b"0123456789i\\":
        parts = rb"%b((?:[^\\%b]|\\.)+)%b((?:[^\\%b]|\\[^0])*)%bi?"
        found = re.fullmatch(parts % ((re.escape(delimiter),) * 5), regexp, re.DOTALL)
    if found:
        groups = _GROUPS.sub(b"", found[1])
        references = [int(one) for one in re.findall(rb"\\(?:([1-9])|.)", found[2]) if one]
        if groups.count(b"(") == groups.count(b")") >= max(references, default=0):
            return
    raise wrong(
        "/value",
        "naptr_regexp",
        "Expected a substitution such as `!^(.*)$!sip:\\1@example.com!` in NAPTR: one delimiter "
        "before, between and after its two parts, and a group for each reference (RFC 3402 "
        "section 3.2).",
    )
