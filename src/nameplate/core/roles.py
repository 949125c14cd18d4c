"""What a person may do in an organization: one table, asked of every request of a session.

A role is of an organization and of all below it. Tokens have none: they may do everything that their
organization may. Nothing made with a session can do more than its maker may, so only an owner makes a
token.
"""

from collections.abc import Iterable, Mapping
from enum import StrEnum


class Role(StrEnum):
    """What a person is in an organization; each may do what those after it may."""

    OWNER = "owner"
    """Spends money, makes tokens, says who else is an owner."""
    ADMIN = "admin"
    """Everything that is set up once: accounts, servers, applications, members."""
    MEMBER = "member"
    """The daily work on domains, records, certificates and bindings."""
    VIEWER = "viewer"
    """Sees all of it."""

    def covers(self, other: "Role") -> bool:
        """Tell whether who has this role may do what the other one may."""
        return _ORDER[self] >= _ORDER[other]


_ORDER: Mapping[Role, int] = {Role.VIEWER: 0, Role.MEMBER: 1, Role.ADMIN: 2, Role.OWNER: 3}
_V, _M, _A, _O = Role.VIEWER, Role.MEMBER, Role.ADMIN, Role.OWNER

NOUNS: Mapping[str, tuple[Role, Role]] = {
    "accounts": (_M, _A),
    "applications": (_V, _A),
    "bindings": (_V, _M),
    "certificates": (_V, _M),
    "challenges": (_V, _A),
    "dangling-records": (_V, _M),
    "domains": (_V, _M),
    "edge": (_O, _O),
    "embed-tokens": (_V, _V),
    "events": (_V, _V),
    "grants": (_V, _A),
    "memberships": (_M, _A),
    "organizations": (_V, _O),
    "plans": (_V, _M),
    "purchases": (_V, _O),
    "quarantine": (_V, _A),
    "records": (_V, _M),
    "registrations": (_V, _A),
    "server-groups": (_V, _A),
    "servers": (_V, _A),
    "session": (_V, _V),
    "setup-links": (_V, _M),
    "tokens": (_A, _O),
    "transfers": (_V, _A),
    "users": (_O, _O),
    "verifications": (_V, _M),
}
"""Noun of the API -> who may read, and who may change."""

OPERATIONS: Mapping[str, Role] = {
    "accept_grant": _A,
    "export_private_key": _O,
    "preflight_certificate": _V,
    "preflight_host": _V,
    "quote_registration": _M,
    "remove_domain": _A,
    "schedule_certificates": _A,
    "search_registrations": _V,
    "show_registrant_contact": _A,
    "show_transfer_code": _O,
    "start_certificate_campaign": _A,
}
"""Operations that need another role than their noun."""

PLATFORM_NOUNS = frozenset({"edge", "users"})
PLATFORM_OPERATIONS = frozenset(
    {"add_organization", "remove_organization", "restore_organization"}
    | {"approve_domain", "deny_domain", "override_domain", "end_quarantine"}
    | {"approve_purchase", "show_domain_connect_service"}
)
"""What no role gives: the use cases refuse it to everybody but the platform."""

ACTIONS: Mapping[str, frozenset[str]] = {
    "domains:read": frozenset(
        {"list_domains", "show_domain", "diagnose_domain", "show_dns_host", "show_domain_connect"}
        | {"list_verifications", "show_verification"}
    ),
    "domains:check": frozenset({"check_domain", "check_verification"}),
    "records:read": frozenset(
        {"list_records", "show_record", "export_records", "list_plans", "show_plan"}
        | {"show_propagation"}
    ),
    "records:write": frozenset(
        {"plan_records", "undo_records", "apply_plan", "add_record", "update_record"}
        | {"remove_record", "detach_record", "check_propagation"}
    ),
    "certificates:read": frozenset({"list_certificates", "show_certificate"}),
    "bindings:read": frozenset(
        {"list_bindings", "show_binding", "show_binding_health", "list_applications"}
    ),
    "bindings:write": frozenset(
        {"add_binding", "update_binding", "remove_binding", "check_binding"}
        | {"make_primary_binding"}
    ),
    "events:read": frozenset({"stream_events", "list_events"}),
}
"""What an embed token may be allowed -> operations."""


def needed(operation: str, noun: str, method: str) -> Role:
    """Return which role an operation needs; one that no table knows is an owner's."""
    known = OPERATIONS.get(operation)
    if known is not None:
        return known
    reads, writes = NOUNS.get(noun, (_O, _O))
    return reads if method in {"GET", "HEAD"} else writes


def permits(role: Role, operation: str, noun: str, method: str) -> bool:
    """Tell whether a role lets somebody use an operation in an organization."""
    if noun in PLATFORM_NOUNS or operation in PLATFORM_OPERATIONS:
        return False
    return role.covers(needed(operation, noun, method))


def allows(actions: Iterable[str], operation: str) -> bool:
    """Tell whether one of these actions includes an operation; what a token is for is no secret to it."""
    return operation == "show_embed_token" or any(
        operation in ACTIONS.get(one, frozenset()) for one in actions
    )
