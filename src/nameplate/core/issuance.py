"""How an ACME order goes on, one step at a time (RFC 8555 section 7.1.6), decided from what it is now.

    pending ─ Present ─ Respond ─ Wait ─▶ ready ─ Finalize ─▶ processing ─ Wait ─▶ valid ─ Download
    invalid, expired ─ Fail

The caller stores order URL, key and published proofs before it goes on, what it told the authority
before it waits, and hands in the order as the authority shows it *now* (`refresh`). A crash between
two steps therefore repeats nothing that matters: an order of which nothing is stored expires unused,
publishing a proof, responding and downloading are harmless to repeat, and whether a finalize whose
answer was lost took effect is what the order's status says. An authority accepts one finalize per
order, and a new order is made only after the old one is invalid or expired.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from nameplate.core import names
from nameplate.core.draft_challenges import DRAFTS, IN_DNS
from nameplate.core.errors import NameplateError, Refused
from nameplate.core.orders import Challenge, Order, OrderStatus

POLL = timedelta(seconds=2)
"""How long to wait before the next look when the authority does not say."""
LONGEST_POLL = timedelta(seconds=15)
"""The longest time between two looks that the authority did not ask for."""
_USUAL = "dns-01"
PATIENCE = timedelta(seconds=30)
"""How long an order may take before a person is told that the authority still works on it."""
MAX_POLL = timedelta(hours=1)
"""The longest `Retry-After` that is obeyed while an order is open."""


@dataclass(frozen=True, slots=True)
class Present:
    """Publish the proofs. Several may need one name: wildcard and apex are two TXT beside each other."""

    challenges: tuple[Challenge, ...]


@dataclass(frozen=True, slots=True)
class Respond:
    """Tell the authority that these proofs can be seen."""

    challenges: tuple[Challenge, ...]


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing to do before `until`; then refresh the order."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Finalize:
    """Send the CSR made from the stored key."""


@dataclass(frozen=True, slots=True)
class Download:
    """Fetch the chain, check it against key and names, store it."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Give this order up. `retry` tells whether a new order can succeed without anybody's help."""

    code: str
    reason: str
    retry: bool
    names: tuple[str, ...] = ()
    """Names whose proof the authority looked for in vain."""
    is_cut_off: bool = False
    """The authority's connections to hosts failed, and nothing else did."""


Step = Present | Respond | Wait | Finalize | Download | Fail

NEEDS_A_CHANGE = frozenset(
    {
        # The authority refuses the names or the kind of certificate (RFC 8555 section 6.7).
        "acme_bad_csr",
        "acme_rejected_identifier",
        "acme_unsupported_identifier",
        "bad_csr",
        "acme_profile_unknown",
        "profile_unknown",
        # It refuses the account, or the account is not complete.
        "acme_bad_public_key",
        "acme_eab_malformed",
        "acme_external_account_required",
        "acme_invalid_contact",
        "acme_unsupported_contact",
        "ca_account_missing",
        "credential_missing",
        "key_encrypted",
        "key_malformed",
        "key_weak",
        "provider_unknown",
        "setting_missing",
    }
)
"""Codes of refusals that stand until somebody changes the certificate or its account in Nameplate.

What heals outside, where nobody tells us, is not among them: CAA, DNS, reachability, an authority's
terms of use, a certificate that is not what was ordered.
"""


def failure(error: NameplateError) -> Fail:
    """Return the end of an order that `error` stopped."""
    return Fail(error.code, error.detail, retry=error.code not in NEEDS_A_CHANGE)


def next_step(
    order: Order,
    *,
    kind: str,
    is_strict: bool = False,
    presented: Collection[str] = (),
    responded: Collection[str] = (),
    now: datetime,
) -> Step:
    """Return the one step that brings this order forward.

    `order` is what the authority says now. `kind` is the challenge type to prove names with
    (as in `http-01`). Unless `is_strict`, dns-01 takes the place of one that is a draft where that is
    not offered. `presented` and `responded` hold URLs of challenges whose proof is
    visible to the world, and which the authority was told about.
    """
    if order.status in {OrderStatus.INVALID, OrderStatus.VALID} or _expired(order, now):
        return _end(order)
    if order.status is OrderStatus.READY:
        return Finalize()
    if order.status is OrderStatus.PROCESSING:
        return _wait(order, now)
    instead = _USUAL if kind in DRAFTS and not is_strict else None
    return _prove(order, kind, instead, (presented, responded), now)


def choose_challenges(order: Order, kind: str, instead: str | None = None) -> tuple[Challenge, ...]:
    """Return the challenge of type `kind` of every name that is still to prove.

    It is that of type `instead` for all of them where the authority does not offer `kind` for one.

    Raises `Refused` with `wildcard_needs_dns` when `kind` cannot prove a wildcard, and with
    `challenge_not_offered` when the authority does not offer `kind` for a name.
    """
    wildcard = next(filter(names.is_wildcard, order.names), None)
    if wildcard is not None and kind not in IN_DNS:
        raise Refused(
            "wildcard_needs_dns", f"{wildcard} can only be proved by dns-01, not by {kind}."
        )
    chosen = tuple(challenge for challenge in order.challenges if challenge.type == kind)
    missing = {challenge.name for challenge in order.challenges} - {c.name for c in chosen}
    if missing and instead is not None:
        return choose_challenges(order, instead)
    if missing:
        raise Refused(
            "challenge_not_offered",
            f"The authority does not offer {kind} for {', '.join(sorted(missing))}. Use "
            "another challenge.",
        )
    return chosen


def _prove(
    order: Order,
    kind: str,
    instead: str | None,
    done: tuple[Collection[str], Collection[str]],
    now: datetime,
) -> Step:
    presented, responded = done
    try:
        chosen = choose_challenges(order, kind, instead)
    except Refused as error:
        return Fail(error.code, error.detail, retry=False)
    rejected = [challenge for challenge in chosen if challenge.status == "invalid"]
    if rejected:
        reason = order.error or rejected[0].error
        return Fail(
            "challenge_invalid", reason, retry=True, names=_rejected_names(order),
            is_cut_off=_is_cut_off(order),
        )  # fmt: skip
    # Everything is published before the first response: several proofs can share one record set,
    # and an authority may look at all names as soon as it hears of one.
    waiting = [challenge for challenge in chosen if challenge.status == "pending"]
    hidden = tuple(challenge for challenge in waiting if challenge.url not in presented)
    if hidden:
        return Present(hidden)
    untold = tuple(challenge for challenge in waiting if challenge.url not in responded)
    return Respond(untold) if untold else _wait(order, now)


def _rejected_names(order: Order) -> tuple[str, ...]:
    return tuple({one.name: None for one in order.challenges if one.status == "invalid"})


def _is_cut_off(order: Order) -> bool:
    rejected = [one for one in order.challenges if one.status == "invalid"]
    return bool(rejected) and all(one.is_cut_off for one in rejected)


def _expired(order: Order, now: datetime) -> bool:
    return order.expires_at is not None and order.expires_at <= now


def _end(order: Order) -> Step:
    if order.status is OrderStatus.VALID:
        return Download()
    if order.status is OrderStatus.INVALID:
        reason = order.error or "The authority gave no reason."
        return Fail(
            "order_invalid", reason, retry=True, names=_rejected_names(order),
            is_cut_off=_is_cut_off(order),
        )  # fmt: skip
    reason = f"The order expired at {order.expires_at:%Y-%m-%d %H:%M} UTC before it was complete."
    return Fail("order_expired", reason, retry=True)


def _wait(order: Order, now: datetime) -> Wait:
    asked = POLL if order.retry_after is None else order.retry_after
    return Wait(now + min(max(asked, timedelta(0)), MAX_POLL))


def patient(until: datetime, since: datetime, now: datetime) -> datetime:
    """Return when to look again at an order that the authority has worked on `since` then.

    A tenth of the time that it takes already, at most 15 s, when that is later than `until`.
    """
    return max(until, now + min((now - since) / 10, LONGEST_POLL))
