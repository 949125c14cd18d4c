"""Why a server says no: TSIG errors (RFC 8945 section 5.2), and extended errors (RFC 8914)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import dns.edns
import dns.exception
import dns.message
import dns.rcode

from nameplate.core.errors import NameplateError, Refused, Unavailable

_BADSIG, _BADKEY, _BADTIME, _BADTRUNC = 16, 17, 18, 22
_TIME = 6  # octets of the server's time in the other data of a BADTIME
_MAX_TEXT = 200  # characters of a server's own sentence that we repeat


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a message says of why it is no success."""

    code: str
    """As in `NOTAUTH`."""
    tsig: int = 0
    """The error of its signature, 0 for none."""
    key: str = ""
    """The key's name as the server repeats it."""
    ahead: int = 0
    """Seconds by which the server's clock is ahead of ours, where it says so."""
    extended: str = ""
    """The extended errors for a person, as in `Prohibited, extended error 18`, or nothing."""

    def __str__(self) -> str:
        """Return the code, and what the server adds to it."""
        return f"{self.code} ({self.extended})" if self.extended else self.code

    def of_key(self, server: str) -> NameplateError | None:
        """Return the error that concerns the key or the clocks, None when it concerns neither."""
        if self.tsig == _BADTIME:
            differ = (
                f"differ by {abs(self.ahead)} s: that of {server} is "
                f"{'ahead' if self.ahead > 0 else 'behind'}"
                if self.ahead
                else "differ by too much"
            )
            detail = (
                f"The clocks {differ} (BADTIME). Set both by NTP. The key was found and not judged."
            )
            return Unavailable("clocks_differ", detail)
        if self.tsig == _BADKEY:
            detail = (
                f"{server} does not have the TSIG key {self.key}, or has it with another algorithm "
                "(BADKEY). Compare name and algorithm with its configuration."
            )
            return Refused("tsig_key_unknown", detail)
        if self.tsig in {_BADSIG, _BADTRUNC}:
            name = "BADSIG" if self.tsig == _BADSIG else "BADTRUNC"
            detail = (
                f"{server} has the TSIG key {self.key} with another secret ({name}). "
                "Enter the secret again."
            )
            return Refused("tsig_secret_wrong", detail)
        return None


def refusal(wire: bytes) -> Refusal | None:
    """Return what a message says when it is no success, None when it is one.

    Servers cannot sign for a key that they do not share; nobody gains by forging these.
    """
    code = dns.rcode.Rcode(wire[3] & 15) if len(wire) > 3 else dns.rcode.NOERROR  # noqa: PLR2004  # RFC 1035 section 4.1.1
    if code == dns.rcode.NOERROR:
        return None
    try:
        message = dns.message.from_wire(wire, keyring=False, continue_on_error=True)
    except (dns.exception.DNSException, ValueError):
        return Refusal(dns.rcode.to_text(code))
    tsig: Any = message.tsig
    if not tsig:
        return Refusal(dns.rcode.to_text(code), extended=extended(message))
    return Refusal(
        dns.rcode.to_text(code),
        int(tsig[0].error),
        tsig.name.to_text(omit_final_dot=True),
        _ahead(tsig[0]),
        extended(message),
    )


def extended(message: dns.message.Message) -> str:
    """Return the extended errors of a message for a person, or nothing."""
    return ", ".join(_told(message.options))


def _ahead(tsig: Any) -> int:  # noqa: ANN401 - dnspython has no types here
    """Return by how many seconds the server's clock is ahead: it tells its own with BADTIME."""
    if tsig.error != _BADTIME or len(tsig.other) != _TIME:
        return 0
    return int.from_bytes(tsig.other) - int(tsig.time_signed)


def _told(options: Iterable[dns.edns.Option]) -> Iterable[str]:
    for option in options:
        if isinstance(option, dns.edns.EDEOption):
            said = f": {' '.join(option.text.split())[:_MAX_TEXT]}" if option.text else ""
            yield f"{_name(option.code)}{said}"


def _name(code: int) -> str:
    """Return a code of RFC 8914 section 4 in words, with its number."""
    try:
        words = dns.edns.EDECode(code).name.replace("_", " ").capitalize()
    except ValueError:
        return f"extended error {code}"
    return f"{words}, extended error {code}"
