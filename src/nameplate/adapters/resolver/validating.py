"""DNSSEC validation of answers, with what was learned of zones kept for the next ones."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

from nameplate.adapters.resolver.recursor import Recursor
from nameplate.adapters.resolver.servers import Servers
from nameplate.core.egress import EgressPolicy
from nameplate.ports.validation import Security, Validation

if TYPE_CHECKING:
    from nameplate.adapters.resolver.validating_look import KeptKeys


class DnssecValidator:
    """Implements `Validator`. Threads may share it; every look is bounded in time and queries.

    Servers are found and asked as by `AuthoritativeResolver`. Keys are kept for an hour at most, so
    that most looks ask for one record set only.
    """

    def __init__(
        self,
        policy: EgressPolicy,
        clock: Callable[[], datetime],
        anchors: dns.rrset.RRset,
        *,
        recursor: tuple[str, int] | None = None,
        overrides: Mapping[str, Sequence[tuple[str, str, int]]] | None = None,
        port: int = 53,
        seconds: float = 10.0,
    ) -> None:
        """Trust `anchors`, DS records of the root; `clock` decides which signatures have expired."""
        found = Recursor(None if recursor is None else (recursor,))
        self._servers = Servers(policy, found, overrides or {}, port)
        self._clock = clock
        self._anchors = anchors
        self._seconds = seconds
        self._kept: dict[dns.name.Name, KeptKeys] = {}

    def validate(self, name: str, rdtype: str) -> Validation:
        """Ask for one record set with its signatures, through its aliases, and judge them."""
        from nameplate.adapters.resolver.validating_look import (  # noqa: PLC0415 - most processes validate nothing
            ValidatingLook,
        )

        try:
            question = dns.name.from_text(name).canonicalize()
            kind = dns.rdatatype.from_text(rdtype)
        except (dns.exception.DNSException, ValueError):
            return Validation(Security.UNKNOWN, detail="the name is not a valid DNS name")
        now = self._clock().timestamp()
        for kept in (self._kept, {}):
            look = ValidatingLook(
                self._servers, self._anchors, kept, seconds=self._seconds, now=now
            )
            found = look.result(question, kind)
            if found.security is not Security.BOGUS or not look.has_recalled:
                break
            # The zone may have changed its keys since they were kept: once more from the root.
        if kept is not self._kept:
            self._kept.update(kept)
        return found
