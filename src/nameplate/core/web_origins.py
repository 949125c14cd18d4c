"""Origins of web pages (RFC 6454) as operators and hosts name them: scheme, host and port, nothing more."""

import re

EXPECTED = (
    "`https://` and a host in lower case, with a port unless it is 443. Only `localhost` may be "
    "without TLS."
)
_HOST = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_ORIGIN = re.compile(
    rf"(?:https://{_HOST}|http://(?:localhost|127\.0\.0\.1))(?::[1-9][0-9]{{0,4}})?"
)


def is_origin(text: str) -> bool:
    """Tell whether a page's origin is written as browsers write it, and its pages come over TLS."""
    return _ORIGIN.fullmatch(text) is not None
