"""URI: where a service is, as a URI (RFC 7553)."""

import re

from nameplate.core.rdata.fixed import fixed
from nameplate.core.rdata.forms import misshapen
from nameplate.core.rdata.text import is_quoted, quoted
from nameplate.core.rdata.value import Given, Rdata, number, wrong

_SHAPE = re.compile(r"\s*(\S+)\s+(\S+)\s+(\S.*?)\s*", re.DOTALL)
_ONE = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)


def parse_uri(given: Given) -> Rdata:
    """Read URI: priority, weight and the target, with or without double quotes around it."""
    shape = _SHAPE.fullmatch(given.value)
    if shape is None:
        raise misshapen(given)
    numbers = [number(word, "/value") for word in shape.groups()[:2]]
    target = shape[3]
    if is_quoted(target):
        if not _ONE.fullmatch(target):
            raise misshapen(given, "the target is one string")
    elif re.search(r'["\s\x00-\x1f\x7f]', target):
        raise wrong("/value", "uri_target", "Put the target of URI into one pair of double quotes.")
    else:
        try:
            target = quoted([target.encode()])
        except UnicodeEncodeError:
            raise wrong("/value", "text_invalid", "The target is not valid Unicode.") from None
    if target == '""':
        raise wrong(
            "/value", "uri_target", "Expected a URI such as `https://example.com/` as the target."
        )
    return fixed(given, " ".join([*map(str, numbers), target]))[0]
