"""Certificate orders as values, in the nouns of RFC 8555."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from nameplate.core import draft_challenges
from nameplate.core.draft_challenges import PersistentProof


class OrderStatus(StrEnum):
    """Status of an order (RFC 8555 section 7.1.6)."""

    PENDING = "pending"
    READY = "ready"
    PROCESSING = "processing"
    VALID = "valid"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True)
class Challenge:
    """One way to prove control of one name (RFC 8555 section 8)."""

    url: str
    type: str
    """`http-01`, `dns-01`, `tls-alpn-01`, `dns-account-01` or `dns-persist-01`."""
    name: str
    """The identifier without `*.`."""
    token: str
    """Empty for dns-persist-01, which has none."""
    key_authorization: str
    """What http-01 answers with (RFC 8555 section 8.1)."""
    status: str
    """`pending`, `processing`, `valid` or `invalid`."""
    error: str = ""
    """What the authority said was wrong, for a person."""
    is_cut_off: bool = False
    """The authority could not connect to the host, or its connection was lost (`connection`, RFC 8555
    section 6.7)."""
    account_url: str = ""
    """URL of the account that is to prove the name."""
    wildcard: bool = False
    """The authorization is that of `*.` and the name."""
    issuers: tuple[str, ...] = ()
    """Issuer domain names of the authority, where the challenge names them."""

    @property
    def persistent(self) -> PersistentProof | None:
        """What the record of dns-persist-01 must say; None for other challenges."""
        if self.type != draft_challenges.PERSIST:
            return None
        return PersistentProof(self.name, self.issuers, self.account_url, self.wildcard)

    @property
    def thumbprint(self) -> str:
        """Which key of the account the answer is made with."""
        return self.key_authorization.rpartition(".")[2]

    @property
    def record_name(self) -> str:
        """The name of the TXT record (of dns-01: RFC 8555 section 8.4), canonical."""
        if self.type == draft_challenges.PERSIST:
            return f"{draft_challenges.PERSIST_LABEL}.{self.name}"
        if self.type == draft_challenges.ACCOUNT:
            label = draft_challenges.account_label(self.account_url)
            return f"{label}._acme-challenge.{self.name}"
        return f"_acme-challenge.{self.name}"

    @property
    def record_value(self) -> str:
        """The text of the TXT record (of dns-01: RFC 8555 section 8.4), unquoted."""
        if self.persistent is not None:
            return self.persistent.text
        digest = hashlib.sha256(self.key_authorization.encode()).digest()
        return urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, slots=True)
class Order:
    """A request for one certificate, as the authority sees it now."""

    url: str
    status: OrderStatus
    names: tuple[str, ...]
    challenges: tuple[Challenge, ...] = ()
    """The challenges of authorizations that are not valid yet; empty when nothing is to prove."""
    finalize_url: str = ""
    certificate_url: str = ""
    expires_at: datetime | None = None
    retry_after: timedelta | None = None
    error: str = ""
    """What the authority said was wrong, for a person."""
