"""A DNS provider has a bad day."""

from collections.abc import Callable

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import change, want_record
from tests.badday.town import Town
from tests.servers.gate import Reply


def provider(reply: Reply | float) -> Act:
    """Have Alpha's DNS provider answer like this."""

    def act(town: Town) -> None:
        town.provider_gate.rule = lambda _method, _path: reply

    return act


def provider_open(town: Town) -> None:
    """Have Alpha's DNS provider answer as ever."""
    town.provider_gate.open()
    town.provider.open()


def key(value: Callable[[Town], str]) -> Act:
    """Give the account at Alpha's DNS provider this key."""
    return change("accounts", "account", lambda town: {"credentials": {"api_key": value(town)}})


FAULTS = (
    Fault(
        "The DNS provider refuses connections; a record is added",
        breaks=lambda t: t.provider.refuse(),
        wants=want_record,
        says=condition("dns", "provider_unreachable", "answer_lost"),
        turn=Turn.PROVIDER,
        repairs=provider_open,
        quick=True,
    ),
    Fault(
        "The DNS provider hangs; a record is added",
        breaks=lambda t: t.provider.hang(),
        wants=want_record,
        says=condition("dns", "answer_awaited", "answer_lost", "provider_unreachable"),
        turn=Turn.PROVIDER,
        repairs=provider_open,
    ),
    Fault(
        "The DNS provider takes 20 s for each answer; a record is added",
        breaks=provider(20.0),
        wants=want_record,
        says=condition("dns", "answer_awaited"),
        turn=Turn.PROVIDER,
        repairs=provider_open,
    ),
    Fault(
        "The DNS provider answers 500 to everything; a record is added",
        breaks=provider(Reply(500, {"error": "broken"})),
        wants=want_record,
        says=condition("dns", "provider_failed"),
        turn=Turn.PROVIDER,
        repairs=provider_open,
    ),
    Fault(
        "The DNS provider limits requests (429, Retry-After: 5); a record is added",
        breaks=provider(Reply(429, None, {"Retry-After": "5"})),
        wants=want_record,
        says=condition("dns", "rate_limited"),
        turn=Turn.PROVIDER,
        repairs=provider_open,
    ),
    Fault(
        "The account at the DNS provider has a wrong key; a record is added",
        breaks=key(lambda _: "not-the-key-of-anybody"),
        wants=want_record,
        says=condition("dns", "credential_refused"),
        turn=Turn.YOU,
        repairs=key(lambda t: t.provider_key),
        quick=True,
    ),
    Fault(
        "The DNS provider refuses the key, and takes it again later; a record is added",
        breaks=provider(Reply(401, {"error": "Unauthorized"})),
        wants=want_record,
        says=condition("dns", "credential_refused"),
        turn=Turn.YOU,
        repairs=provider_open,
    ),
    Fault(
        "The zone is gone at the DNS provider, and comes back; a record is added",
        breaks=lambda t: setattr(
            t.provider_gate,
            "rule",
            lambda m, p: Reply(200, []) if (m, p.endswith("/zones")) == ("GET", True) else None,
        ),
        wants=want_record,
        says=condition("dns", "zone_not_found"),
        turn=Turn.YOU,
        repairs=provider_open,
    ),
)
