"""Addresses that a fetch may go to: scheme, host and path, nothing else."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from nameplate.adapters.http.outcome import Stopped
from nameplate.ports.fetcher import HttpOutcome

_MAX_PATH = 2000
_PLAIN = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+")
"""Characters of RFC 3986: no spaces, controls, backslashes or others that parsers disagree on."""
_HOST = re.compile(r"(?!.*\.\d+\Z)(?=.{1,253}\Z)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})+")
"""A host name of two labels or more whose last one is no number: never an IP address."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Location:
    """Where one request goes. The port is always the scheme's own."""

    scheme: str
    host: str
    target: str
    """Path and query, starting with a slash."""

    def __str__(self) -> str:
        """Return the address as a URL."""
        return f"{self.scheme}://{self.host}{self.target}"

    def redirected(self, header: str) -> "Location":
        """Return where a `Location` header leads (RFC 9110 section 10.2.2).

        Raises `Stopped(REDIRECT_REFUSED)` for every address that is not plainly http or https, a
        host name, the default port, no user name, and a path of at most 2,000 bytes.
        """
        if not _PLAIN.fullmatch(header):
            raise Stopped(HttpOutcome.REDIRECT_REFUSED)
        try:
            parts = urlsplit(urljoin(str(self), header))
            port = parts.port
        except ValueError:
            raise Stopped(HttpOutcome.REDIRECT_REFUSED) from None
        scheme, host = parts.scheme, (parts.hostname or "").removesuffix(".")
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        plain = (
            scheme in _DEFAULT_PORTS
            and port in {None, _DEFAULT_PORTS.get(scheme)}
            and "@" not in parts.netloc
            and _HOST.fullmatch(host)
            and target.startswith("/")
            and len(target) <= _MAX_PATH
        )
        if not plain:
            raise Stopped(HttpOutcome.REDIRECT_REFUSED)
        return Location(scheme, host, target)
