"""What all objects of the API share: their form, ids, times, links, and lists of them."""

from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from fastapi import Query
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from nameplate.core import ids
from nameplate.core.ids import Prefix

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Reference = Annotated[str, StringConstraints(min_length=1, max_length=255)]
ExternalId = Annotated[
    str, StringConstraints(min_length=1, max_length=255, pattern=r"^[A-Za-z0-9._:-]+$")
]
Profile = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
"""A certificate profile of an authority."""
ChainName = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,255}$")]
"""Common name of a root certificate."""
AuthorityNames = Annotated[list[Name], Field(max_length=20)]
"""Names of accounts at authorities."""
Notes = Annotated[str, StringConstraints(max_length=10_000)]
Force = Annotated[bool, Query(description="Remove it even if it is in use.")]
Metadata = Annotated[
    dict[
        Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,40}$")],
        Annotated[str, StringConstraints(max_length=500)],
    ],
    Field(max_length=50, description="Up to 50 keys of your own, with strings as values."),
]


class Body(BaseModel):
    """A request body. Unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    def given(self) -> dict[str, Any]:
        """Return the fields that the caller sent, by name."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class Shape(BaseModel):
    """An object in a response."""

    id: str = Field(description="Id of the object. Its prefix tells the kind.")
    object: str = Field(description="Kind of the object.")
    metadata: dict[str, Any] = Field(description="Keys set by the caller.")
    created_at: datetime = Field(description="When the object was created (RFC 3339, UTC).")
    updated_at: datetime = Field(description="When the object last changed (RFC 3339, UTC).")
    links: dict[str, str] = Field(description="Paths of the object and of related objects.")


Item = TypeVar("Item", bound=Shape)


class Page(BaseModel, Generic[Item]):
    """One page of a list."""

    object: Literal["list"] = "list"
    data: list[Item]
    has_more: bool = Field(description="Whether there is another page.")
    next_cursor: str | None = Field(description="Pass it as `cursor` to get the next page.")


class ProblemDocument(BaseModel):
    """An error (RFC 9457)."""

    model_config = ConfigDict(title="Problem")

    class FieldProblem(BaseModel):
        """A problem with one part of the request."""

        pointer: str = Field(
            description="JSON pointer into the body, or `query/NAME` for a query parameter."
        )
        code: str
        detail: str

    type: str = Field(description="Path of the explanation of the error code.")
    title: str
    status: int
    detail: str = Field(description="What is wrong and what to do.")
    code: str = Field(description="Stable machine-readable code.")
    doc_url: str
    request_id: str
    errors: list[FieldProblem]
    retryable: bool = Field(description="Whether repeating the same request may succeed.")
    retry_after: int | None = Field(description="Seconds to wait before repeating the request.")


def public(prefix: Prefix, number: int | None) -> str | None:
    """Return the public id of what may not be there."""
    return None if number is None else ids.show(prefix, number)


def listed(lines: str | None) -> list[str] | None:
    """Return texts that are kept one on each line, None for none."""
    return lines.splitlines() if lines else None


def common(row: Any, prefix: Prefix, plural: str) -> dict[str, Any]:  # noqa: ANN401 - any mapped row
    """Return the fields that every object has."""
    identity = ids.show(prefix, row.id)
    return {
        "id": identity,
        "metadata": row.metadata_ or {},
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "links": {"self": f"/v1/{plural}/{identity}"},
    }


def example(prefix: Prefix, plural: str, number: int = 1, **fields: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return the example of an object for the documentation."""
    identity = ids.show(prefix, number)
    return {
        "id": identity,
        "object": prefix.name.lower(),
        **fields,
        "metadata": {"tier": "gold"},
        "created_at": "2026-11-23T09:30:00Z",
        "updated_at": "2026-11-23T09:30:00Z",
        "links": {"self": f"/v1/{plural}/{identity}"},
    }
