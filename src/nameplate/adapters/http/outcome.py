"""How a fetch from a hostile site can end."""

from enum import StrEnum


class HttpOutcome(StrEnum):
    """What happened, as a category: nothing that the other side wrote is repeated."""

    ANSWERED = "answered"
    """A complete HTTP response came, whatever its status."""
    NO_ADDRESS = "no_address"
    ADDRESS_REFUSED = "address_refused"
    """The name has an address that Nameplate does not connect to."""
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    TLS_FAILED = "tls_failed"
    MALFORMED = "malformed"
    """What came back is not HTTP/1.1."""
    TOO_LARGE = "too_large"
    ENCODED = "encoded"
    """The body is compressed although only plain bytes were asked for."""
    REDIRECT_REFUSED = "redirect_refused"
    """It leads to another site, scheme or port, or is no proper address."""
    TOO_MANY_REDIRECTS = "too_many_redirects"
    """More than five, or a loop."""


class Stopped(Exception):
    """Ends a fetch from within; never leaves this package."""

    def __init__(self, outcome: HttpOutcome) -> None:
        """Take the category to report."""
        super().__init__(outcome)
        self.outcome = outcome
