"""What a program said about one customer, for the eyes of another.

A proxy that many organizations share names in its refusals whatever it stumbled over: hosts, upstreams
and ids of others. Those who do not own the proxy read the sentence without them.
"""

import re

HIDDEN = "(hidden)"
_MAX_LENGTH = 2000

_FILES = r"(?:conf|crt|json|key|pem|pid|sock|toml|ya?ml)\b"
_V6 = r"(?:(?=:*[0-9a-f])[0-9a-f:]*::[0-9a-f:.]*|(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4})"
_NAMED = re.compile(
    rf"""
    # an id, and a file that is named after one
    \b[a-z]{{3}}_[a-z0-9]{{8,}}(?:\.{_FILES})?
    # an IPv6 address
    | (?<![\w:.])\[?{_V6}\]?(?::\d+)?
    # an IPv4 address
    | (?<![\w.])\d{{1,3}}(?:\.\d{{1,3}}){{3}}(?::\d+)?
    # a host
    | (?<![\w.])(?!\w+\.{_FILES})(?:(?:\*|[\w-]+)\.)+[a-z][\w-]+\.?(?::\d+)?
    """,
    re.VERBOSE | re.IGNORECASE,
)


def without_names(text: str) -> str:
    """Return a sentence with hosts, addresses and ids hidden; names of files like `nginx.conf` stay."""
    return _NAMED.sub(HIDDEN, text[:_MAX_LENGTH])
