"""A certificate authority has a bad day."""

from collections.abc import Callable
from typing import Any

from nameplate.core.error_catalogue.entry import Turn
from tests.badday.fault import Act, Fault, condition
from tests.badday.faults.acts import change, several, want_host
from tests.badday.town import Town
from tests.servers.gate import Reply

ACME = "urn:ietf:params:acme:error:"


def renew(town: Town) -> None:
    """Have Alpha's certificate renewed before its time."""
    call = town.nameplate.call
    found = call("GET", f"/v1/certificates?domain={town.alpha.ids['domain']}")["data"]
    call("POST", f"/v1/certificates/{found[0]['id']}:renew")


def authority(rule: Callable[[str, str], Any]) -> Act:
    """Have Alpha's authority answer like this."""

    def act(town: Town) -> None:
        town.alpha.authority.gate.rule = rule

    return act


def authority_open(town: Town) -> None:
    """Have Alpha's authority answer as ever."""
    town.alpha.authority.gate.open()
    town.alpha.authority.relay.open()


def problem(status: int, kind: str, detail: str, **headers: str) -> Reply:
    """Return an answer of an ACME server that refuses."""
    return Reply(
        status,
        {"type": ACME + kind, "detail": detail, "status": status},
        {name.replace("_", "-"): value for name, value in headers.items()},
    )


def refuse_orders(method: str, path: str) -> Reply | None:
    """Refuse every new order, and nothing else."""
    refused = problem(403, "unauthorized", "This account may not order certificates now.")
    return refused if (method, path) == ("POST", "/order-plz") else None


def forget_orders(_method: str, path: str) -> Reply | None:
    """Know no order that was made."""
    unknown = problem(404, "malformed", "No such order.")
    return unknown if path.startswith("/my-order/") else None


FAULTS = (
    Fault(
        "The authority refuses connections; a host is added",
        breaks=lambda t: t.alpha.authority.relay.refuse(),
        wants=want_host,
        says=condition("certificate", "ca_unreachable"),
        turn=Turn.AUTHORITY,
        repairs=authority_open,
        quick=True,
    ),
    Fault(
        "The authority hangs; a host is added",
        breaks=lambda t: t.alpha.authority.relay.hang(),
        wants=want_host,
        says=condition("certificate", "answer_awaited", "ca_unreachable"),
        turn=Turn.AUTHORITY,
        repairs=authority_open,
    ),
    Fault(
        "The authority answers 503 to everything; a host is added",
        breaks=authority(lambda _m, _p: problem(503, "serverInternal", "Maintenance.")),
        wants=want_host,
        says=condition("certificate", "acme_unavailable"),
        turn=Turn.AUTHORITY,
        repairs=authority_open,
    ),
    Fault(
        "The authority refuses every order; a host is added",
        breaks=authority(refuse_orders),
        wants=want_host,
        says=condition("certificate", "acme_unauthorized"),
        turn=Turn.AUTHORITY,
        repairs=authority_open,
    ),
    Fault(
        "The authority limits requests (429, Retry-After: 5); a host is added",
        breaks=authority(
            lambda m, p: (
                problem(429, "rateLimited", "Too many orders.", Retry_After="5")
                if (m, p) == ("POST", "/order-plz")
                else None
            )
        ),
        wants=want_host,
        says=condition("certificate", "acme_rate_limited"),
        turn=Turn.AUTHORITY,
        repairs=authority_open,
    ),
    Fault(
        "The authority refuses connections; a certificate is renewed",
        breaks=lambda t: t.alpha.authority.relay.refuse(),
        wants=renew,
        says=condition("certificate", "renewal_failing"),
        turn=Turn.AUTHORITY,
        ready=True,
        repairs=authority_open,
    ),
    Fault(
        "The authority has forgotten every account and order; a host is added",
        breaks=several(
            lambda t: t.alpha.authority.forget(),
            lambda t: t.alpha.authority.relay.refuse(),
        ),
        wants=want_host,
        says=condition("certificate", "ca_unreachable"),
        turn=Turn.AUTHORITY,
        repairs=authority_open,
    ),
    Fault(
        "The authority knows no order that it has made; a host is added",
        breaks=authority(forget_orders),
        wants=want_host,
        says=condition("certificate", "acme_order_lost"),
        turn=Turn.AUTHORITY,
        repairs=authority_open,
    ),
    Fault(
        "The account's root certificate for the authority is another's; a host is added",
        breaks=change(
            "accounts",
            "authority",
            lambda t: {
                "config": {
                    **t.alpha.authority.account()["config"],
                    "ca_bundle": str(t.beta.authority.pebble.ca_bundle),
                }
            },
        ),
        wants=want_host,
        says=condition("certificate", "ca_untrusted"),
        turn=Turn.OPERATOR,
        repairs=change(
            "accounts", "authority", lambda t: {"config": t.alpha.authority.account()["config"]}
        ),
    ),
)
