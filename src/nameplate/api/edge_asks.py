"""What proxies have asked the edge, for operators."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field

from nameplate.api.deps import Read
from nameplate.api.routing import router
from nameplate.usecases.serving import asks

routes = router("edge")


class RefusedSuffixShape(BaseModel):
    """Unknown names below one suffix."""

    suffix: str
    asked: int = Field(description="How often since it was seen first, counted from below.")
    last_at: datetime


class RefusalsShape(BaseModel):
    """What `/edge/ask` was asked, over all processes that answer."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "object": "edge_refusals",
                    "outcomes": {"allowed": 812, "unknown": 5012, "recursive": 41},
                    "suffixes": [
                        {
                            "suffix": "example.com",
                            "asked": 4870,
                            "last_at": "2026-11-23T09:32:00Z",
                        }
                    ],
                }
            ]
        }
    )

    object: Literal["edge_refusals"] = "edge_refusals"
    outcomes: dict[str, int] = Field(description="Questions by how they were answered, and why.")
    suffixes: list[RefusedSuffixShape] = Field(description="Those with most unknown names first.")


@routes.get("/edge/refusals", operation_id="show_edge_refusals")
def refusals(
    call: Read,
    limit: Annotated[int, Query(ge=1, le=100, description="How many suffixes at most.")] = 20,
) -> RefusalsShape:
    """Show what the edge refused and below which suffixes names are made up. Platform tokens only."""
    found = asks.refusals(call.session, call.actor, limit=limit)
    return RefusalsShape(
        outcomes={outcome.value: asked for outcome, asked in found.outcomes.items()},
        suffixes=[
            RefusedSuffixShape(suffix=one.suffix, asked=one.asked, last_at=one.last_at)
            for one in found.suffixes
        ],
    )
