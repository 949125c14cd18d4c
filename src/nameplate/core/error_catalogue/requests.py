"""Requests: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Requests",
    "Errors of API requests in general.",
    {
        "in_use": Entry(
            Turn.YOU,
            "The object to be removed is in use.",
            "Move or remove the objects in the message first. `force=true` (`--force` on the command line) "
            "removes it anyway. The message says what happens then.",
            (409,),
        ),
        "unauthenticated": Entry(
            Turn.YOU,
            "The request carries no valid API token.",
            "Send `Authorization: Bearer np_...` with a token that is not revoked or expired, and whose organization is active.",
            (401,),
        ),
        "request_invalid": Entry(
            Turn.YOU,
            "The request does not match the schema of the route.",
            "Correct each place in `errors`. Codes in `errors` that are not on this page "
            "come from pydantic and have their own message.",
            (422,),
        ),
        "missing": Entry(
            Turn.YOU,
            "A required field is missing.",
            "Add the field that `pointer` names.",
        ),
        "field_unknown": Entry(
            Turn.YOU,
            "The object has no such field, or the field cannot be set.",
            "Remove the field. The API description at `/openapi.json` lists the known fields.",
            (422,),
        ),
        "field_not_changeable": Entry(
            Turn.YOU,
            "This field cannot be changed after it is set.",
            "Leave the field out, or create a new object.",
            (422,),
        ),
        "query_unknown": Entry(
            Turn.YOU,
            "The query has a parameter that this route does not know.",
            "Remove the parameter that `errors` names. Only some lists can be filtered by `metadata[key]`.",
            (422,),
        ),
        "event_not_found": Entry(
            Turn.YOU,
            "There is no event with this id, or it was purged.",
            "Events are kept for `NAMEPLATE_EVENT_DAYS` days. List those that are there.",
            (404,),
        ),
        "event_streams_exhausted": Entry(
            Turn.YOU,
            "The organization, or this process, has as many open event streams as it may have.",
            "Close unused streams, or repeat `GET /v1/events?since=` instead.",
            (429,),
        ),
        "event_reference_invalid": Entry(
            Turn.YOU,
            "`since` or `before` does not name an event.",
            "Use the `id` of an event, or the `next_cursor` of a page. `since` also takes `start` and `now`.",
            (422,),
        ),
        "event_type_unknown": Entry(
            Turn.YOU,
            "There are no events of this type.",
            "Use types from docs/reference/events.md, separated by commas. `domain.*` means all of a kind.",
            (422,),
        ),
        "event_object_invalid": Entry(
            Turn.YOU,
            "`object` is not the id of an object that has events.",
            "Use the `id` of a domain, record, certificate, binding, or another object in docs/reference/events.md.",
            (422,),
        ),
        "body_malformed": Entry(
            Turn.YOU,
            "The body is not valid JSON, or is ambiguous.",
            "Send UTF-8 JSON without duplicate names, NaN, Infinity, or more than 32 levels.",
            (400,),
        ),
        "body_too_large": Entry(
            Turn.YOU,
            "The body is larger than the API accepts.",
            "Send at most as many bytes as the message says, or split the request.",
            (413,),
        ),
        "media_type_unsupported": Entry(
            Turn.YOU,
            "The body has another media type, or is compressed.",
            "Send `Content-Type: application/json` and no `Content-Encoding`.",
            (415,),
        ),
        "route_not_found": Entry(
            Turn.YOU,
            "This path does not exist.",
            "Check the path against the API reference. Paths have no final slash.",
            (404,),
        ),
        "method_not_allowed": Entry(
            Turn.YOU,
            "The path does not support this method.",
            "Use one of the methods in the `Allow` header.",
            (405,),
        ),
        "request_refused": Entry(
            Turn.YOU,
            "The HTTP request is not valid.",
            "Check the status of the response, correct the request and send it again.",
        ),
        "id_malformed": Entry(
            Turn.YOU,
            "Not an id of the expected kind.",
            "Copy the whole id: a prefix such as `dom_` and 14 characters. The last one is a check digit.",
            (422,),
        ),
        "reference_ambiguous": Entry(
            Turn.YOU,
            "Several objects have this name or external id.",
            "Use the id of the intended object.",
            (409,),
        ),
        "invalid_cursor": Entry(
            Turn.YOU,
            "The cursor does not belong to this list.",
            "Start without a cursor. A cursor works for the same caller, path and filters only.",
            (400,),
        ),
        "idempotency_key_malformed": Entry(
            Turn.YOU,
            "The Idempotency-Key is not valid.",
            "Send 1 to 255 visible ASCII characters.",
            (400,),
        ),
        "idempotency_key_reused": Entry(
            Turn.YOU,
            "The Idempotency-Key was already used for a different request.",
            "Use a new key for each new request, and the same key only to repeat one unchanged.",
            (422,),
        ),
        "idempotency_in_flight": Entry(
            Turn.NAMEPLATE,
            "The first request with this Idempotency-Key is still running.",
            "Wait a few seconds and send the same request again to get its response.",
            (409,),
        ),
        "precondition_failed": Entry(
            Turn.YOU,
            "The object has changed since it was read.",
            "Read it again, and send the new ETag in `If-Match`.",
            (412,),
        ),
        "conflict": Entry(
            Turn.YOU,
            "Another request created or changed the same object at the same moment.",
            "Read the object again. If it is not as intended, repeat the request.",
            (409,),
        ),
        "readiness_behind": Entry(
            Turn.NAMEPLATE,
            "Too many domains have changed to tell now which are ready.",
            "Wait a few seconds and repeat the request. If it persists, check that `nameplate worker` "
            "is running.",
            (503,),
        ),
        "busy": Entry(
            Turn.NAMEPLATE,
            "A worker is processing this object.",
            "Wait a few seconds and repeat the request.",
            (503,),
        ),
        "rate_limited": Entry(
            Turn.PROVIDER,
            "The provider limits requests.",
            "Wait as long as `Retry-After` says. Background work does so automatically.",
            (429,),
        ),
        "internal_error": Entry(
            Turn.OPERATOR,
            "An unexpected error occurred in Nameplate.",
            "Report the request id to the operator. The log has the cause under this id.",
            (500,),
        ),
        "foreign_reference": Entry(
            Turn.YOU,
            "A reference names an object of another organization, or one that does not exist.",
            "Use the id of an object of your organization.",
            (403,),
        ),
        "foreign_row": Entry(
            Turn.OPERATOR,
            "A transaction of one organization tried to write data of another, and was stopped.",
            "Report this as a bug. Nothing was written.",
            (403,),
        ),
        "raw_statement": Entry(
            Turn.OPERATOR,
            "A transaction of one organization tried to run an unchecked SQL statement.",
            "Report this as a bug, or run the statement as the platform. Nothing was run.",
            (403,),
        ),
        "restore_conflict": Entry(
            Turn.YOU,
            "The object cannot be restored, because another object has taken its name or "
            "its parent is removed.",
            "Remove or rename the object in the message, or restore the parent, then "
            "restore again.",
            (409,),
        ),
        "parent_deleted": Entry(
            Turn.YOU,
            "The object's parent is removed.",
            "Restore the parent that the message names first.",
            (409,),
        ),
        "illegal_transition": Entry(
            Turn.YOU,
            "The object's status does not allow this.",
            "Read the object, and bring it into a status that allows the change.",
            (409,),
        ),
        "platform_only": Entry(
            Turn.OPERATOR,
            "Only the operator of the platform may do this.",
            "Ask the operator, or use a platform token.",
            (403,),
        ),
    },
)
