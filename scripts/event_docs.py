"""Write docs/reference/events.md from the table in `models/event_types.py`: `make docs`."""

# ruff: noqa: INP001 - a program beside the package

from collections.abc import Iterator
from pathlib import Path

from nameplate.models import event_types
from nameplate.models.event_types import Told, Transition, words

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "events.md"

INTRO = """# Events

Generated from `src/nameplate/models/event_types.py` by `make docs`; a test fails when it is stale.

An event says what happened to one object: its type, the object with its id and host name, the
organization, who caused it, the request, and what changed. It is written in the transaction of the
change, so there is no change without it and none of a change that was rolled back. It never changes,
holds no secret, and is kept for 90 days (`NAMEPLATE_EVENT_DAYS`).

```
GET /v1/events?since=start&types=domain.*,certificate.failed&object=dom_...&limit=100
nameplate event list --types 'domain.*'
nameplate event tail --since evt_... --json
```

With `since`, events come oldest first: an event's id, `start` for the oldest that is kept, or `now`.
Pass `next_cursor` as `since` of the next request, at once or a week later: no event is missed, none
comes twice, also of transactions that commit late. Without `since` the newest come first, and
`next_cursor` goes into `before`. `object` with the id of a domain gives everything that belongs to it.
`sequence` counts the events of one organization without gaps, whatever the filter.

The actor is the `organization` (one of its tokens, or the host application for it), the `operator` of
the platform (by name for the operator only), or a `worker`. Programs should ignore types that they do
not know: there will be more.

`before` and `after` hold the columns below under their API names. Of settings and credentials they
say only `(changed)`. What changes several times in a transaction is one event.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([INTRO, *_sections()]).rstrip() + "\n"


def _sections() -> Iterator[str]:
    for kind, told in event_types.TOLD.items():
        yield f"## {kind.__name__}\n"
        yield "| type | told when | shows |"
        yield "|---|---|---|"
        yield from _usual(told)
        for one in told.transitions:
            if one.type:
                yield _transition(one)
        yield ""
    yield "## Not told\n"
    for kind, reason in event_types.SILENT.items():
        yield f"* {kind.__name__}: {reason}."


def _usual(told: Told) -> Iterator[str]:
    shown = _listed((*told.watched, *told.shown))
    if told.added:
        yield f"| `{told.added}` | it is added | {shown} |"
    if told.changed:
        watched = _listed((*told.watched, *told.opaque))
        hidden = f" ({_listed(told.opaque)}: only that they changed)" if told.opaque else ""
        yield f"| `{told.changed}` | one of these changes | {watched}{hidden} |"
    for type_, when in told.also.items():
        yield f"| `{type_}` | {when} | what it says |"
    for type_, when in ((told.removed, "it is removed"), (told.restored, "it is restored")):
        if type_:
            yield f"| `{type_}` | {when} | {_listed(told.watched)} |"


def _transition(one: Transition) -> str:
    when = f"`{one.column}`: {words(one.was)} → {words(one.now)}"
    return f"| `{one.type}` | {when} | {_listed((one.column, *one.shown))} |"


def _listed(columns: tuple[str, ...]) -> str:
    return ", ".join(f"`{one}`" for one in columns)


if __name__ == "__main__":
    PAGE.write_text(page())
