"""DNSSEC for every answer that a proof rests on: its record, the addresses of web servers, the way of mail."""

from collections.abc import Sequence
from ipaddress import ip_address

from nameplate.ports.resolver import AnswerKind, Resolver
from nameplate.ports.validation import Security, Validation, Validator
from nameplate.ports.verification import Postbox, Proof, Verdict

_FAULTS = {
    "expired": "its signatures have expired",
    "not_yet_valid": "its signatures are not valid yet",
    "unsigned": "a signature is missing",
    "invalid": "a signature does not match",
    "wrong_key": "it is signed by a key that the zone does not have",
    "ds_mismatch": "none of its keys is the one that the DS record names",
    "no_keys": "there is a DS record, but the zone has no keys",
    "ds_missing": "the parent zone does not say whether the zone is signed",
    "denial_missing": "the zone does not prove what is not there",
}
_MAX_EXCHANGES = 8
"""Mail servers of one host that are looked at, in the order in which mail is sent to them."""


class Doubted(Exception):
    """An answer that does not count."""

    def __init__(self, proof: Proof) -> None:
        """Keep what the look comes to."""
        super().__init__(proof.reason)
        self.proof = proof


class SignedAnswers:
    """What DNSSEC says of several answers, one after the other."""

    def __init__(self, validator: Validator, observed: Sequence[str] = ()) -> None:
        """Begin with what was `observed` before."""
        self._validator = validator
        self.observed = tuple(observed)

    def ask(self, name: str, rdtype: str) -> Validation:
        """Validate one record set. Raises `Doubted` unless it is signed well or not to be signed."""
        found = self._validator.validate(name, rdtype)
        told = f"DNSSEC: {rdtype} of {name} is {found.security.value}: {found.detail}"
        self.observed = (*self.observed, told)
        if found.security is Security.BOGUS:
            why = _FAULTS.get(found.fault, found.fault)
            self.doubt(
                "dnssec_bogus",
                f"DNSSEC is broken: {why} ({found.detail}). An answer that validating resolvers reject "
                "proves nothing.",
            )
        if found.security is Security.UNKNOWN:
            self.doubt("dnssec_unknown", f"DNSSEC of {name} could not be checked: {found.detail}.")
        return found

    def doubt(self, reason: str, message: str) -> None:
        """Raise `Doubted` with the reason and all that was observed."""
        raise Doubted(Proof(Verdict.INCONCLUSIVE, reason, message, self.observed))

    def web_server(self, host: str, address: str) -> None:
        """Validate a host's addresses; the one that answered must be one of them."""
        found = [self.ask(host, rdtype) for rdtype in ("A", "AAAA")]
        if not address or any(one.security is not Security.SECURE for one in found):
            return
        signed = {ip_address(value) for one in found for value in one.values}
        if ip_address(address) not in signed:
            self.doubt(
                "servers_disagree",
                f"The web server that answered for {host} has another address than those that are "
                "signed. New records take some time to reach every server.",
            )

    def mail(self, resolver: Resolver, postbox: Postbox) -> None:
        """Validate what says to whom a message goes, and the servers that it goes to."""
        for name, rdtype in postbox.asked:
            self.ask(name, rdtype)
        for host in dict.fromkeys(one.rpartition("@")[2] for one in postbox.recipients):
            for exchange in self._exchanges(resolver, host):
                self.web_server(exchange, "")

    def _exchanges(self, resolver: Resolver, host: str) -> Sequence[str]:
        """Return the hosts that mail goes to: the host itself without an MX record (RFC 5321, 5.1)."""
        found = self.ask(host, "MX")
        values = found.values
        if found.security is not Security.SECURE:
            answers = resolver.authoritative(host, "MX").answers
            values = next((one.values for one in answers if one.kind is AnswerKind.DATA), ())
        pairs = [(int(level), target) for level, target in (one.split() for one in values)]
        targets = [target.rstrip(".").lower() for _, target in sorted(pairs)]
        return [one for one in targets if one][:_MAX_EXCHANGES] if pairs else [host]
