"""The TXT record that tells, without our database, who manages a domain's records."""

from nameplate.core import ids
from nameplate.core.ids import Prefix
from nameplate.core.rdata.text import quoted
from nameplate.models import Account, Domain, LedgerPurpose
from nameplate.usecases import holders
from nameplate.usecases.dns.wanted import Value, Want

TTL = 3600


def value(domain: Domain) -> Value:
    """Return the marker of a domain."""
    owner = f"_nameplate-owner.{holders.held_name(domain)}"
    shown = ids.show(Prefix.DOMAIN, domain.id)
    return (owner, "TXT", quoted([f"heritage=nameplate,domain={shown}".encode()]))


def wants(account: Account, domain: Domain) -> list[Want]:
    """Return the marker where the account is to leave one (`config.marker`)."""
    if not account.config.get("marker"):
        return []
    return [Want(value(domain), TTL, LedgerPurpose.RECORD)]
