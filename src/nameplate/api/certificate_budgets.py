"""How much of the limits of certificate authorities is taken."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Crossing
from nameplate.api.routing import router
from nameplate.api.shapes import Reference
from nameplate.core import authorities, ids
from nameplate.core.ids import Prefix
from nameplate.usecases.certificates import budget_levels
from nameplate.usecases.certificates.budget_levels import BudgetLevel
from nameplate.usecases.certificates.budgets import LIMIT_NAMES, BucketKind

routes = router("certificates")


LimitName = Literal[
    "orders",
    "orders_per_organization",
    "certificates_per_domain",
    "failures_per_name",
    "failures_in_a_row",
]
_EXAMPLE: dict[str, Any] = {
    "account": ids.show(Prefix.ACCOUNT, 1),
    "account_name": "main",
    "authority": "Let's Encrypt",
    "limit": "certificates_per_domain",
    "subject": "example.com",
    "count": 50,
    "period_seconds": 604_800,
    "used": 12,
    "next_at": None,
    "full_at": "2026-12-01T01:45:36Z",
}


class BudgetShape(BaseModel):
    """One limit of an account at an authority, and how much of it is taken."""

    account: str
    account_name: str
    authority: str = Field(description="What people call the authority.")
    limit: LimitName = Field(description="As `config.limits` of an account calls it.")
    subject: str | None = Field(
        description="The registrable domain or name that it counts for, or the organization's id; null "
        "where it counts for the whole account."
    )
    count: int = Field(description="How many the authority allows in the period.")
    period_seconds: int
    used: int = Field(description="How many are taken and not yet earned back.")
    next_at: datetime | None = Field(
        description="When one more is possible, for what can wait; null: now. The last tenth of the orders "
        "is kept for renewals that cannot wait."
    )
    full_at: datetime = Field(description="When all of it is there again.")


class BudgetList(BaseModel):
    """Limits of accounts at authorities."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"object": "list", "data": [_EXAMPLE]}]}
    )

    object: Literal["list"] = "list"
    data: list[BudgetShape]


def show(one: BudgetLevel) -> BudgetShape:
    """Return a limit as callers see it."""
    account, subject = one.account, one.subject
    if one.kind is BucketKind.ORGANIZATION and subject is not None:
        subject = ids.show(Prefix.ORGANIZATION, int(subject))
    return BudgetShape(
        account=ids.show(Prefix.ACCOUNT, account.id),
        account_name=account.name,
        authority=authorities.title(account.provider, account.config),
        limit=cast("LimitName", LIMIT_NAMES[one.kind]),
        subject=subject,
        count=one.limit.count,
        period_seconds=int(one.limit.period.total_seconds()),
        used=one.used,
        next_at=one.next_at,
        full_at=one.full_at,
    )


@routes.get("/certificate-budgets", operation_id="list_certificate_budgets")
def list_(
    world: Crossing,
    organization: Annotated[
        Reference | None,
        Query(
            description="What concerns this organization, by id or slug. Default: that of the caller; for "
            "a platform token, every account."
        ),
    ] = None,
) -> BudgetList:
    """List how much of the limits of authorities is taken.

    An organization sees the accounts that issue for it: of a shared account its own share, and the limits
    on its own names. Of limits on many names the twenty fullest are listed.
    """
    found = budget_levels.levels(world.sessions, world.actor, organization)
    return BudgetList(data=[show(one) for one in found])
