"""Challenges that are still drafts: what is published for them, and what is wrong with what is there.

dns-account-01   draft-ietf-acme-dns-account-label-01: a name of the account's own, proofs as of dns-01
dns-persist-01   draft-ietf-acme-dns-persist-00: one record that stays, for all orders of the account
"""

import hashlib
import re
from base64 import b32encode
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urlsplit

ACCOUNT = "dns-account-01"
PERSIST = "dns-persist-01"
DRAFTS = (ACCOUNT, PERSIST)
IN_DNS = frozenset({"dns-01", *DRAFTS})
"""Challenges that TXT records answer; they alone prove wildcards."""
PERSIST_LABEL = "_validation-persist"
MAX_ISSUERS = 10
_MAX_NAME = 253
_LABEL = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
_ISSUER = re.compile(rf"{_LABEL}(\.{_LABEL})*")
_URL = re.compile(r"https?://[\x21-\x3a\x3c-\x7e]+")
_TAG = re.compile(r"[A-Za-z0-9-]+")
_VALUE = re.compile(r"[\x21-\x3a\x3c-\x7e]*")
_SHOWN = 100


@dataclass(frozen=True, slots=True)
class PersistentProof:
    """What the record of dns-persist-01 must say for one name."""

    name: str
    """The identifier without `*.`."""
    issuers: tuple[str, ...]
    """Issuer domain names of the authority, of which the record has one."""
    account_url: str
    wildcard: bool

    @property
    def text(self) -> str:
        """The text of the record, unquoted, in the syntax of CAA (RFC 8659 section 4.2)."""
        policy = "; policy=wildcard" if self.wildcard else ""
        return f"{min(self.issuers)}; accounturi={self.account_url}{policy}"


@dataclass(frozen=True, slots=True)
class PersistFinding:
    """Why the records at a name do not prove it."""

    code: str
    message: str


def account_label(account_url: str) -> str:
    """Return the label before `_acme-challenge` under which an account proves names."""
    digest = hashlib.sha256(account_url.encode()).digest()[:10]
    return f"_{b32encode(digest).decode().lower()}"


def issuers(given: object) -> tuple[str, ...]:
    """Return the issuer domain names of a challenge; none when it is malformed and to be rejected."""
    if not isinstance(given, list) or not 0 < len(given) <= MAX_ISSUERS:
        return ()
    fit = all(
        isinstance(one, str) and len(one) <= _MAX_NAME and _ISSUER.fullmatch(one) for one in given
    )
    return tuple(given) if fit else ()


def can_be_named(account_url: str, directory_url: str) -> bool:
    """Tell whether the URL of an account can stand in a record that stays.

    It must be one of the server that was asked: another one's would let somebody else's account at
    another authority prove the name.
    """
    if _URL.fullmatch(account_url) is None:
        return False
    return urlsplit(account_url).hostname == urlsplit(directory_url).hostname


def explain(proof: PersistentProof, texts: Collection[str], now: datetime) -> PersistFinding | None:
    """Return why none of the texts at the name proves it, None when one does.

    What comes nearest is explained: a record of this account that does not do, then one of another
    account, then that there is none.
    """
    owner, near = f"{PERSIST_LABEL}.{proof.name}", list[PersistFinding]()
    for text in sorted(texts):
        issuer, parameters = _read(text)
        if issuer not in proof.issuers:
            continue
        why = _unfit(proof, parameters, now)
        if why is None:
            return None
        told = f'The TXT record "{ascii(text)[1:-1][:_SHOWN]}" at {owner} {why}.'
        if parameters is None or parameters.get("accounturi") == proof.account_url:
            near.append(PersistFinding("persist_record_unfit", told))
        else:
            near.append(PersistFinding("persist_record_elsewhere", told))
    missing = PersistFinding("persist_record_missing", f"There is no TXT record for it at {owner}.")
    found = max(near, key=lambda one: one.code, default=missing)  # "unfit" comes after "elsewhere"
    whole = f'{found.message} Publish this TXT record there: "{proof.text}".'
    return replace(found, message=whole)


def _unfit(
    proof: PersistentProof, parameters: Mapping[str, str] | None, now: datetime
) -> str | None:
    """Say in what a record of the authority differs from what proves the name."""
    if parameters is None:
        return "cannot be read"
    if parameters.get("accounturi") != proof.account_url:
        return "names another account at the authority"
    until = parameters.get("persistuntil")
    if until is not None and not (until.isascii() and until.isdigit()):
        return "has a `persistUntil` that is no number of seconds"
    if until is not None and int(until[:20]) < now.timestamp():
        return "counts no more: its `persistUntil` has passed"
    if proof.wildcard and parameters.get("policy", "").lower() != "wildcard":
        return "lacks `policy=wildcard`, so that it does not prove the wildcard"
    return None


def _read(text: str) -> tuple[str, Mapping[str, str] | None]:
    """Return the issuer domain name of a record and its parameters, None when they cannot be read."""
    issuer, *rest = text.split(";")
    name = issuer.strip().lower().removesuffix(".")
    parameters = dict[str, str]()
    for one in _without_last_empty(rest):
        tag, equals, value = (part.strip(" \t") for part in one.partition("="))
        known = tag.lower()
        if not equals or not _TAG.fullmatch(tag) or not _VALUE.fullmatch(value):
            return name, None
        if known in parameters:
            return name, None
        parameters[known] = value
    return name, parameters


def _without_last_empty(parts: Sequence[str]) -> Sequence[str]:
    return parts[:-1] if parts and not parts[-1].strip() else parts
