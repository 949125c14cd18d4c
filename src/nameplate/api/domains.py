"""Domains: claimed names, and why they are not ready yet."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.orm.attributes import instance_dict

from nameplate.api import instructions as instructed
from nameplate.api.deps import Listed, Read, TransactionCall, Write
from nameplate.api.routing import router
from nameplate.api.shapes import (
    AuthorityNames,
    Body,
    ChainName,
    Metadata,
    Notes,
    Page,
    Profile,
    Reference,
    Shape,
    common,
    example,
    listed,
    public,
)
from nameplate.core import ids, names
from nameplate.core.actor import Actor
from nameplate.core.conditions import Condition
from nameplate.core.dns_hosts.entry import Purpose
from nameplate.core.ids import Prefix
from nameplate.core.instructions import dns_record, in_zone
from nameplate.core.keys import KeyType
from nameplate.core.lifecycle import DomainStatus
from nameplate.core.turns import Turn
from nameplate.models import (
    ChallengeType,
    Domain,
    DomainType,
    DriftPolicy,
    Server,
    SuffixApproval,
    VerificationMethodName,
)
from nameplate.usecases.claims import (
    conditions,
    domains,
    facts,
    instructions,
    lapsing_conditions,
    readiness,
    suffixes,
    verifications,
)
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.readiness import ListedDomain, Readiness
from nameplate.usecases.hosting import offers
from nameplate.usecases.serving import servers

routes = router("domains")

Hostname = Annotated[str, StringConstraints(min_length=1, max_length=1024)]

Methods = Annotated[list[VerificationMethodName], Field(min_length=1, max_length=7)]

_PROOF = "nameplate-verification=k7m2p4qw6xz3v5n7b9c2d4f6h8j2l4n6"
_AUTOMATIC = "Whether Nameplate maintains the records that point bound hosts at their servers."
_SERVER = (
    "Server whose routing records `instructions` shows while the domain has no binding. Default: the "
    "only one. It is not kept: name it in the binding as well."
)
_RECORD = "_nameplate-challenge.shop.example.com"


class DomainNew(Body):
    """A name to claim."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"name": "shop.example.com"}]})

    name: Hostname = Field(
        description="Full domain name, in ASCII or Unicode. May start with `*.`."
    )
    organization: Reference | None = Field(
        default=None, description="Required with a platform token."
    )
    verification_method: VerificationMethodName = VerificationMethodName.DNS_TXT
    verification_methods: Methods | None = Field(
        default=None,
        description="Several methods, instead of `verification_method`. The first that matches proves "
        "the name.",
    )
    domain_type: DomainType | None = None
    account: Reference | None = Field(
        default=None, description="DNS account that Nameplate writes records with."
    )
    zone: Reference | None = Field(
        default=None, description="Zone of that account. Default: found by the name."
    )
    automatic_dns: bool = Field(default=True, description=_AUTOMATIC)
    hosted: bool = Field(
        default=False, description="Host the zone on the name servers of this installation."
    )
    server: Reference | None = Field(default=None, description=_SERVER)
    metadata: Metadata | None = None
    notes: Notes | None = None


_KEY_TYPE = "Kind of the private keys of new certificates."
_CHAIN = "Common name of the root that new certificates should lead to."
_PROFILE = "The authority's profile that new certificates are ordered with."
_CHALLENGE = "How names are proved to authorities. Null: as the organization prefers."
_AUTHORITIES = (
    "Names of accounts to order certificates with, the preferred one first. Null: as the organization "
    "prefers."
)


class DomainChange(Body):
    """Changes to a domain. Omitted fields keep their value."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"notes": "moved in November"}]})

    notes: Notes | None = None
    metadata: Metadata | None = None
    force_https: bool = True
    hsts_enabled: bool = True
    ssl_enabled: bool = True
    auto_renew_ssl: bool = True
    key_type: KeyType | None = Field(
        default=None,
        description=f"{_KEY_TYPE} Null: as the organization prefers. It holds for renewals, too.",
    )
    certificate_profile: Profile | None = Field(
        default=None,
        description=f"{_PROFILE} Null: as the organization prefers. It holds for renewals, too.",
    )
    preferred_chain: ChainName | None = Field(
        default=None,
        description=f"{_CHAIN} Null: as the organization prefers. It holds for renewals, too.",
    )
    certificate_challenge: ChallengeType | None = Field(default=None, description=_CHALLENGE)
    certificate_authorities: AuthorityNames | None = Field(default=None, description=_AUTHORITIES)
    drift_policy: DriftPolicy = DriftPolicy.REPORT
    automatic_dns: bool = Field(default=True, description=_AUTOMATIC)
    account: Reference | None = Field(
        default=None,
        description="New DNS account, or null for none. Records at the previous account are kept.",
    )
    zone: Reference | None = Field(
        default=None, description="Zone of that account. Default: found by the name."
    )


class Suspension(Body):
    """Why a domain is suspended."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "invoice unpaid"}]})

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)] = (
        "Suspended by the operator."
    )


class Denial(Body):
    """Why an organization does not get a public suffix."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"reason": "not the registry"}]})

    reason: Annotated[str, StringConstraints(min_length=1, max_length=500)]


class ConditionShape(BaseModel):
    """The state of one step from claim to HTTPS."""

    type: str
    status: bool | None = Field(
        description="Whether the condition is met; null when not known yet."
    )
    reason: str = Field(description="Stable machine-readable code.")
    message: str
    observed: list[str] = Field(description="What was found, and where.")
    expected: list[str]
    fix: str = Field(description="What to do; empty when no action is needed.")
    turn: Turn | None = Field(
        description="Who has to act next; null when the condition is met and nothing is asked for."
    )
    since: datetime | None
    next_check_at: datetime | None = Field(description="When Nameplate checks again automatically.")


class DriftSide(BaseModel):
    """Contents of a record set."""

    model_config = ConfigDict(from_attributes=True)

    ttl: int
    values: list[str]


class DriftedShape(BaseModel):
    """A record set that was changed outside Nameplate."""

    model_config = ConfigDict(from_attributes=True)

    name: str
    type: str
    expected: DriftSide | None
    observed: DriftSide | None = Field(description="null when the record set is gone.")


class DriftShape(BaseModel):
    """Records that were changed outside Nameplate."""

    model_config = ConfigDict(from_attributes=True)

    since: datetime = Field(description="When the change was first detected.")
    repaired_at: datetime | None = Field(
        default=None, description="When Nameplate changed it back (`repair` policy)."
    )
    records: list[DriftedShape]


class DomainShape(Shape):
    """The claim of one organization on one name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                example(
                    Prefix.DOMAIN,
                    "domains",
                    organization=ids.show(Prefix.ORGANIZATION, 1),
                    name="shop.example.com",
                    unicode_name="shop.example.com",
                    registrable_domain="example.com",
                    subdomain="shop",
                    status="pending_verification",
                    ready=False,
                    reason="txt_absent",
                    conditions=[
                        {
                            "type": "ownership",
                            "status": False,
                            "reason": "txt_absent",
                            "message": f"There is no TXT record at {_RECORD} yet.",
                            "observed": ["ns1.example.com (192.0.2.1): nxdomain"],
                            "expected": [_PROOF],
                            "fix": f'Publish a TXT record at {_RECORD} with the value "{_PROOF}".',
                            "turn": "you",
                            "since": None,
                            "next_check_at": "2026-11-23T09:31:00Z",
                        }
                    ],
                    instructions=[
                        instructed.example(
                            Purpose.OWNERSHIP,
                            in_zone(dns_record("TXT", _RECORD, _PROOF), "example.com"),
                        )
                    ],
                    domain_type="application",
                    verification_method="dns_txt",
                    verified_at=None,
                    verification_expires_at=None,
                    in_service_until=None,
                    kept_until=None,
                    account=None,
                    zone=None,
                    automatic_dns=True,
                    name_servers=None,
                    expires_at=None,
                    ssl_enabled=True,
                    auto_renew_ssl=True,
                    key_type=None,
                    certificate_profile=None,
                    preferred_chain=None,
                    certificate_challenge=None,
                    certificate_authorities=None,
                    cdn_enabled=False,
                    cdn_provider=None,
                    force_https=True,
                    hsts_enabled=True,
                    drift_policy="report",
                    drift=None,
                    drift_checked_at=None,
                    suffix_approval=None,
                    notes=None,
                    last_checked_at=None,
                    error_message=None,
                )
            ]
        }
    )

    object: Literal["domain"] = "domain"
    organization: str
    name: str = Field(description="Canonical full name: lower-case ASCII (A-labels).")
    unicode_name: str = Field(description="The same for people to read, in Unicode.")
    registrable_domain: str
    subdomain: str | None
    status: DomainStatus
    ready: bool = Field(description="Whether every condition is met.")
    reason: str | None = Field(
        description="Reason of the most important condition that is not met; null when ready."
    )
    conditions: list[ConditionShape] | None = Field(
        description="Each step, with evidence and what to do; null in lists."
    )
    instructions: list[instructed.InstructionShape] | None = Field(
        description="What the owner must publish, done or not; null in lists. Of several with the "
        "purpose `ownership` one is enough."
    )
    domain_type: DomainType
    verification_method: str | None
    verified_at: datetime | None
    verification_expires_at: datetime | None
    in_service_until: datetime | None = Field(
        description="Until when the name stays in service although its proof is lost; null in lists."
    )
    kept_until: datetime | None = Field(
        description="Until when a name out of service is kept for the organization; null in lists."
    )
    account: str | None
    zone: str | None
    automatic_dns: bool = Field(description=_AUTOMATIC)
    name_servers: list[str] | None = Field(
        description="Name servers to set at the registrar; null when the zone is not hosted here."
    )
    expires_at: datetime | None
    ssl_enabled: bool
    auto_renew_ssl: bool
    key_type: str | None = Field(description=f"{_KEY_TYPE} Null: as the organization prefers.")
    certificate_profile: str | None = Field(description=_PROFILE)
    preferred_chain: str | None = Field(description=_CHAIN)
    certificate_challenge: str | None = Field(description=_CHALLENGE)
    certificate_authorities: list[str] | None = Field(description=_AUTHORITIES)
    cdn_enabled: bool = Field(description="Whether a record of the domain is proxied.")
    cdn_provider: str | None = Field(
        description="DNS provider whose network is in front of proxied hosts; null without one."
    )
    force_https: bool
    hsts_enabled: bool
    drift_policy: DriftPolicy = Field(
        description="What to do when a record is changed outside Nameplate: `off` do not check, "
        "`report` flag it and offer a repair plan, `repair` change it back."
    )
    drift: DriftShape | None = Field(description="Records that were changed outside Nameplate.")
    drift_checked_at: datetime | None
    suffix_approval: SuffixApproval | None = Field(
        description="What the operator decided about a name in the private section of the public "
        "suffix list; null for other names."
    )
    notes: str | None
    last_checked_at: datetime | None
    error_message: str | None


def show(call: TransactionCall, row: Domain, server: Server | None = None) -> DomainShape:
    """Return a domain with its conditions and instructions, while unbound for `server`."""
    return show_known(call, facts.read(call.session, [row], call.now)[row.id], server)


def show_known(
    call: TransactionCall, known: DomainFacts, server: Server | None = None
) -> DomainShape:
    """Return the same by what is known of it."""
    row = known.domain
    found = conditions.of_known(call.tools, known)
    return DomainShape(
        **_fields(row),
        **_summed(found),
        in_service_until=lapsing_conditions.in_service_until(call.tools, known.lost),
        kept_until=lapsing_conditions.kept_until(call.tools, known.lost),
        conditions=[
            ConditionShape(
                type=one.type,
                status=one.status,
                reason=one.reason,
                message=one.message,
                observed=list(one.observed),
                expected=list(one.expected),
                fix=one.fix,
                turn=one.turn,
                since=one.since,
                next_check_at=one.next_check_at,
            )
            for one in found
        ],
        instructions=[
            instructed.show(one)
            for one in instructions.from_facts(call.session, call.tools, known, server)
        ],
    )


def _listed(call: TransactionCall, told: Sequence[ListedDomain]) -> dict[int, bytes]:
    """Return the JSON of the domains of a list, with what their conditions come to, by their ids."""
    kept = call.surface.listed_domains
    found = {
        one.id: known
        for one in told
        if one.version and (known := kept.known(one.id, (one.version, one.readiness)))
    }
    missing = [one for one in told if one.id not in found]
    rows = readiness.rows(call.session, [one.id for one in missing if one.row is None])
    for one in missing:
        row = one.row or rows.get(one.id)
        if row is not None:  # or it is gone since
            values = (one.version or _SHOWN(instance_dict(row)), one.readiness)
            found[one.id] = kept.get(one.id, values, partial(_written, row, one.readiness))
    return found


def _written(row: Domain, found: Readiness) -> bytes:
    shown = DomainShape(
        **_fields(row), ready=found.ready, reason=found.reason, in_service_until=None,
        kept_until=None, conditions=None, instructions=None,
    )  # fmt: skip
    return shown.__pydantic_serializer__.to_json(shown)


def _summed(found: Sequence[Condition]) -> dict[str, Any]:
    worst = conditions.loudest(found)
    return {"ready": conditions.ready(found), "reason": None if worst is None else worst.reason}


_SAME = (
    "subdomain", "status", "domain_type", "verification_method", "verified_at",
    "verification_expires_at", "expires_at", "ssl_enabled", "auto_renew_ssl", "force_https",
    "key_type", "certificate_profile", "preferred_chain", "certificate_challenge",
    "hsts_enabled", "drift_policy", "drift_checked_at", "notes", "last_checked_at", "error_message",
    "suffix_approval", "cdn_enabled", "cdn_provider",
)  # fmt: skip
"""Columns that are shown as they are."""
_SHOWN = itemgetter(
    *_SAME, "id", "organization_id", "full_domain", "domain_name", "dns_account_id", "dns", "drift",
    "metadata_", "created_at", "updated_at", "certificate_authorities",
)  # fmt: skip
"""All that `_fields` shows."""


def _fields(row: Domain) -> dict[str, Any]:
    fields = common(row, Prefix.DOMAIN, "domains")
    for plural in ("verifications", "records", "certificates", "bindings"):
        fields["links"][plural] = f"/v1/{plural}?domain={fields['id']}"
    servers = offers.name_servers(row)
    return {
        **fields,
        **{name: getattr(row, name) for name in _SAME},
        "organization": ids.show(Prefix.ORGANIZATION, row.organization_id),
        "name": row.full_domain,
        "unicode_name": names.shown(row.full_domain),
        "registrable_domain": row.domain_name,
        "account": None if servers else public(Prefix.ACCOUNT, row.dns_account_id),
        "zone": row.dns.zone,
        "automatic_dns": row.dns.automatic,
        "name_servers": servers,
        "drift": row.drift,
        "certificate_authorities": listed(row.certificate_authorities),
    }


@routes.post("/domains", status_code=201, operation_id="add_domain")
def add(call: Write, body: DomainNew) -> DomainShape:
    """Claim a name. The response contains what to publish: the proof, and what leads to the server."""
    given = body.given()
    named = given.pop("server", None)
    given["verification_methods"] = given.get("verification_methods") or ()
    given["hosted"] = offers.offer(call.sessions) if given.get("hosted") else None
    row = domains.add(call.session, call.tools, call.actor, **given)
    server = _server(call, row, named)
    there = facts.NEW if row.holding_name is None else None
    proofs = verifications.offered(call.session, row)
    known = facts.read(call.session, [row], call.now, there, proofs)[row.id]
    return call.one(partial(show_known, server=server), known)


def _server(call: TransactionCall, row: Domain, reference: str | None) -> Server | None:
    """Return the server of that name or id, of those that a binding of the domain could name."""
    owner = Actor(row.organization_id)
    return None if reference is None else servers.get(call.session, owner, reference)


@routes.get("/domains", operation_id="list_domains")
def list_(  # noqa: PLR0917 - one parameter for each part of the query
    call: Read,
    listing: Listed,
    status: Annotated[
        DomainStatus | None, Query(description="Only objects with this status.")
    ] = None,
    name: Annotated[Hostname | None, Query(description="Only objects with this name.")] = None,
    contains: Annotated[
        Hostname | None, Query(description="Only domains with this text in their name.")
    ] = None,
    suffix_approval: Annotated[
        SuffixApproval | None, Query(description="Only public suffixes with this decision.")
    ] = None,
    ready: Annotated[
        bool | None, Query(description="Only domains that are ready, or only those that are not.")
    ] = None,
    organization: Annotated[
        Reference | None, Query(description="Only objects of this organization.")
    ] = None,
) -> Page[DomainShape]:
    """List domains."""
    selected = listing.select(
        tagged=True,
        status=status,
        name=name,
        contains=contains,
        ready=ready,
        organization=organization,
        suffix_approval=suffix_approval,
    )
    told = readiness.page(call.session, call.tools, call.actor, **selected)
    return listing.page_of_json(call, partial(_listed, call), told)


@routes.get("/domains/{domain}", operation_id="show_domain")
def get(
    call: Read,
    domain: str,
    server: Annotated[Reference | None, Query(description=_SERVER)] = None,
) -> DomainShape:
    """Show a domain by id or name, with everything that is left to do."""
    known = facts.of_one(call.session, call.actor, domain, call.now)
    return call.one(partial(show_known, server=_server(call, known.domain, server)), known)


@routes.patch("/domains/{domain}", operation_id="update_domain")
def update(call: Write, domain: str, body: DomainChange) -> DomainShape:
    """Update the settings of a domain."""
    call.expect(show, domains.get(call.session, call.actor, domain))
    row = domains.update(call.session, call.actor, domain, call.now, **body.given())
    return call.one(show, row)


@routes.delete("/domains/{domain}", status_code=204, operation_id="remove_domain")
def remove(call: Write, domain: str) -> None:
    """Release a domain, stop serving it, and remove the DNS records that Nameplate wrote."""
    domains.remove(call.session, call.tools, call.actor, domain, call.now)


@routes.post("/domains/{domain}:check", operation_id="check_domain")
def check(call: Write, domain: str) -> DomainShape:
    """Run all pending checks of a domain now."""
    return call.one(show, domains.check(call.session, call.actor, domain, call.now))


@routes.post("/domains/{domain}:suspend", operation_id="suspend_domain")
def suspend(call: Write, domain: str, body: Suspension | None = None) -> DomainShape:
    """Suspend a domain: stop serving it but keep the claim."""
    reason = (body or Suspension()).reason
    return call.one(show, domains.suspend(call.session, call.actor, domain, call.now, reason))


@routes.post("/domains/{domain}:resume", operation_id="resume_domain")
def resume(call: Write, domain: str) -> DomainShape:
    """Resume a suspended domain."""
    return call.one(show, domains.resume(call.session, call.actor, domain, call.now))


@routes.post("/domains/{domain}:approve", operation_id="approve_domain")
def approve(call: Write, domain: str) -> DomainShape:
    """Let an organization hold a public suffix that it proves. Platform tokens only."""
    return call.one(show, suffixes.approve(call.session, call.tools, call.actor, domain, call.now))


@routes.post("/domains/{domain}:deny", operation_id="deny_domain")
def deny(call: Write, domain: str, body: Denial) -> DomainShape:
    """Do not let an organization hold a public suffix. Platform tokens only."""
    row = suffixes.deny(call.session, call.tools, call.actor, domain, call.now, reason=body.reason)
    return call.one(show, row)


@routes.post("/domains/{domain}:restore", operation_id="restore_domain")
def restore(call: Write, domain: str) -> DomainShape:
    """Restore a released domain. Its ownership must be proved again."""
    return call.one(show, domains.restore(call.session, call.tools, call.actor, domain, call.now))
