"""What a caller may do: asked once for each request, before its transaction begins.

Tokens may do what their organization may; people what their role covers (`core/roles.py`); an embed token
what its maker may, as far as it was allowed that, about the one domain that it is for.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import Request

from nameplate.api.callers import Caller
from nameplate.core import roles
from nameplate.core.errors import NotPermitted
from nameplate.core.ids import Prefix
from nameplate.core.roles import Role
from nameplate.db import Sessions
from nameplate.models import Binding, Certificate, ChangePlan, Record, Verification
from nameplate.usecases import lookup
from nameplate.usecases.tenants.embed_tokens import EmbedScope

_OF_DOMAIN: Mapping[str, tuple[Any, Prefix]] = {
    "binding": (Binding, Prefix.BINDING),
    "certificate": (Certificate, Prefix.CERTIFICATE),
    "plan": (ChangePlan, Prefix.PLAN),
    "record": (Record, Prefix.RECORD),
    "verification": (Verification, Prefix.VERIFICATION),
}
"""Parameter of a path -> what it names, which belongs to a domain."""
_OF_NO_DOMAIN = frozenset({"stream_events", "list_applications", "show_embed_token"})
"""Operations of an organization that an embed token of a domain may use: the first shows the domain's only."""


def permit(sessions: Sessions, who: Caller, request: Request) -> None:
    """Raise NotPermitted `role_insufficient` or `scope_insufficient` unless the caller may do this.

    What an embed token is not for is not found, as if it were another organization's.
    """
    if who.role is None and who.scope is None:
        return
    route = request.scope["route"]
    operation = str(route.operation_id)
    if who.role is not None:
        needed = roles.needed(operation, str(route.tags[0]), request.method)
        if not who.role.covers(needed):
            raise NotPermitted(
                "role_insufficient",
                f"This takes the role `{needed}`; yours here is `{who.role}`.",
            )
    if who.scope is not None:
        if not roles.allows(who.scope.actions, operation):
            raise NotPermitted("scope_insufficient", "The embed token does not allow this.")
        if who.scope.domain_id is not None:
            _within(sessions, who, who.scope, request)


def permitted(request: Request, role: Role) -> Sequence[str]:
    """Return the operations that a role lets somebody use, so that a page offers nothing else."""
    routes = (one for one in request.app.routes if getattr(one, "operation_id", None) and one.tags)
    return [
        route.operation_id
        for route in routes
        if all(
            roles.permits(role, route.operation_id, route.tags[0], method)
            for method in route.methods
        )
    ]


def embedded(request: Request, who: Caller, scope: EmbedScope) -> Sequence[str]:
    """Return the operations that an embed token lets a page use: of its maker's, those it was allowed."""
    makers = permitted(request, who.role or Role.OWNER)
    return [one for one in makers if roles.allows(scope.actions, one)]


def _within(sessions: Sessions, who: Caller, scope: EmbedScope, request: Request) -> None:
    """See that a request is about the one domain of an embed token.

    Raises NotFound for what belongs to another one, NotPermitted `scope_insufficient` for what belongs
    to none.
    """
    operation = str(request.scope["route"].operation_id)
    if operation in _OF_NO_DOMAIN:
        return
    named = [request.path_params.get("domain"), request.query_params.get("domain")]
    body = getattr(request.state, "json", None)
    named.append(body.get("domain") if isinstance(body, dict) else None)
    references = [one for one in named if isinstance(one, str)]
    with sessions.begin(who.actor, read_only=True) as session:
        for one in references:
            if lookup.domain(session, who.actor, one).id != scope.domain_id:
                raise lookup.missing(Prefix.DOMAIN)
        objects = [one for one in _OF_DOMAIN if one in request.path_params]
        for one in objects:
            model, prefix = _OF_DOMAIN[one]
            reference = request.path_params[one]
            row = lookup.find(session, model.visible(who.actor), model, prefix, reference)
            if row.organization_domain_id != scope.domain_id:
                raise lookup.missing(prefix)
    if not references and not objects:
        raise NotPermitted(
            "scope_insufficient", "The embed token is for one domain. Name it: `domain`."
        )
