"""How far a domain's hosts are secured and served, from the rows and the clock."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from nameplate.core import ids
from nameplate.core.conditions import Condition
from nameplate.core.deployment import DeploymentState
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, HealthStatus
from nameplate.core.names import is_within, without_wildcard
from nameplate.core.turns import Turn
from nameplate.models import Binding, Certificate, CertificateType, Domain, Server
from nameplate.usecases.certificates import deployments, emergency, notices, watches
from nameplate.usecases.claims import hosted_conditions
from nameplate.usecases.claims.facts import DomainFacts
from nameplate.usecases.claims.unreached_hosts import HostAdvice
from nameplate.usecases.placements import MemberServer

MISSED_CHECKS = 3
"""Health checks that may be overdue before the last one counts for nothing."""
LATENESS = timedelta(minutes=1)
"""How late a check may be without anything being wrong."""
NAMES_LOST = "names_lost"
"""Reason of a certificate that does not cover some of its names."""
UNCHECKED = "health_unknown"
"""Reason of a binding whose last check is too long ago."""
_SHOWN = 10
"""Hosts in a condition."""


def certificates(known: DomainFacts) -> list[Condition]:
    """Say how the certificates are that something uses, or was asked for."""
    now = known.now
    presented = {row.ssl_certificate_id for row, _ in known.bindings}
    # An uploaded one that has ended and made way is history.
    rows = [row for row in known.certificates if _counts(row, presented, now)]
    found = [
        _lost(row, known.domain) or _certificate(known, row, known.advice.get(row.id))
        for row in rows
    ]
    found += hosted_conditions.certificate(known.bindings, now)
    bad = next((one for one in found if not one.status), None)
    if bad is not None:
        return [bad]
    for reason in _TELLING:
        told = next((one for one in found if one.reason == reason), None)
        if told is not None:
            return [told]
    if found and not rows:
        return found
    soonest = min((row.expires_at for row in rows if row.expires_at), default=None)
    until = f"The certificate is valid until {soonest:%Y-%m-%d %H:%M} UTC." if soonest else ""
    return [
        Condition(
            type="certificate",
            status=True,
            reason="active",
            message=until or "The certificate is active.",
        )
    ][: len(rows)]


_TELLING = ("renewal_emergency", "deployed_partial", "renewal_failing", NAMES_LOST, "renewal_at_risk", "certificate_ending", hosted_conditions.EXPIRING, "replacement_advised", "profile_gone",
            "self_signed_served", "certificate_not_used")  # fmt: skip
"""Reasons of certificates that are valid, which are said before all is well."""


def _lost(row: Certificate, domain: Domain) -> Condition | None:
    """Say which names of the domain a certificate lost, None when it lost none of these."""
    bare = without_wildcard(domain.full_domain)
    lost = [name for name in row.lost if is_within(without_wildcard(name), bare)]
    if not lost:
        return None
    return Condition(
        type="certificate", status=False, reason=NAMES_LOST,
        message=f"{_listed(row)} does not cover {', '.join(lost[:_SHOWN])}: the organization did not hold "
        "the name when it was ordered last.",
        observed=tuple(row.subject_alternative_names or ())[:_SHOWN], expected=tuple(lost[:_SHOWN]),
        fix="Prove the domain again. The certificate is then ordered with the name.",
        since=row.last_renewed_at, next_check_at=row.next_action_at,
    )  # fmt: skip


def _lost_elsewhere(row: Certificate) -> Condition | None:
    """Say which names of other domains than the one that is asked for a certificate lost, if any."""
    if not row.lost:
        return None
    shown = ", ".join(row.lost[:_SHOWN])
    return Condition(
        type="certificate", status=True, reason=NAMES_LOST,
        message=f"{_listed(row)} continues without {shown}, which the organization does not hold.{_until(row)}",
        fix="Prove the domains of these names again, or issue a certificate without them.",
        expected=row.lost[:_SHOWN], next_check_at=row.next_action_at,
    )  # fmt: skip


def _until(row: Certificate) -> str:
    return f" It is valid until {row.expires_at:%Y-%m-%d %H:%M} UTC." if row.expires_at else ""


def _listed(row: Certificate) -> str:
    return f"Certificate {ids.show(Prefix.CERTIFICATE, row.id)}"


def _counts(row: Certificate, presented: Collection[int | None], now: datetime) -> bool:
    ended = row.expires_at is not None and row.expires_at <= now
    return not (row.is_uploaded and ended) or row.id in presented


def _certificate(known: DomainFacts, row: Certificate, advice: HostAdvice | None) -> Condition:
    now = known.now
    names = tuple(row.subject_alternative_names or ())
    told = advice or HostAdvice((), names, *_fix(row))
    why = row.trouble_message or row.renewal_error_message
    since = row.trouble_since or row.last_renewal_error_at
    if row.expires_at is not None and row.expires_at <= now:
        reason = f" It could not be renewed: {why}" if why else ""
        return Condition(
            type="certificate", status=False, reason="certificate_expired",
            message=f"The certificate expired at {row.expires_at:%Y-%m-%d %H:%M} UTC.{reason}",
            observed=told.observed, expected=told.expected, fix=told.fix, since=row.expires_at,
            next_check_at=_next_check(row, now), acts=told.turn,
        )  # fmt: skip
    if row.status in {CertificateStatus.ACTIVE, CertificateStatus.RENEWING}:
        partial = _partial(known, row)
        return partial or _valid(row, why, told, since, now)
    return Condition(
        type="certificate",
        status=False,
        reason=row.trouble_code or _failed(row) or f"certificate_{row.status.value}",
        message=why or "The certificate is being obtained.",
        observed=told.observed,
        expected=told.expected,
        fix=told.fix,
        since=since,
        next_check_at=_next_check(row, now),
        acts=told.turn,
    )


def _failed(row: Certificate) -> str | None:
    """Return the code of what ended the last try, None while nothing has."""
    return row.renewal_error_code if row.status is CertificateStatus.ERROR else None


def _partial(known: DomainFacts, row: Certificate) -> Condition | None:
    """Say which servers do not serve what there is, None when all do."""
    presenting = [(one, server) for one, server in known.bindings if _presents(one, row)]
    bound = deployments.spread(presenting, known.placed)
    found = deployments.of(row, bound, known.now)
    if found.state is not DeploymentState.DEPLOYED_PARTIAL:
        return None
    turns = {one.turn for one in found.missing}
    fix = "Wait. The server gets the certificate as soon as it takes it."
    if Turn.OPERATOR in turns:
        fix = "The operator must repair the server that is named. It then gets the certificate."
    elif Turn.YOU in turns:
        fix = "Repair the server that is named. It then gets the certificate."
    return Condition(
        type="certificate",
        status=True,
        reason="deployed_partial",
        message=f"The current certificate is not served everywhere. {found.trouble}",
        observed=tuple(
            f"{one.hostname} {one.seen_serial or '-'}" for one in found.missing[:_SHOWN]
        ),
        expected=(row.serial_number or "",),
        fix=fix,
        since=found.since,
        next_check_at=min(
            (one.next_action_at for one, _ in presenting if one.next_action_at), default=None
        ),
    )


def _presents(binding: Binding, row: Certificate) -> bool:
    """Tell whether a certificate is to be seen at a binding: as `Binding.counts`."""
    return (
        binding.ssl_certificate_id == row.id
        and binding.ssl_enabled
        and binding.activated_at is not None
        and binding.status in {BindingStatus.ACTIVE, BindingStatus.CONFIGURING, BindingStatus.ERROR}
    )


def _valid(
    row: Certificate, why: str | None, told: HostAdvice, since: datetime | None, now: datetime
) -> Condition:
    if why is None:
        return _at_risk(row, told) or _lost_elsewhere(row) or _well(row)
    urgent = emergency.reason(row, now)
    until = _until(row)
    return Condition(
        type="certificate",
        status=True,
        reason="renewal_failing" if urgent is None else "renewal_emergency",
        message=f"The certificate cannot be renewed: {why} {urgent or until.strip()}".strip(),
        observed=told.observed,
        fix=told.fix,
        since=since,
        next_check_at=_next_check(row, now),
        acts=told.turn,
    )


def _at_risk(row: Certificate, told: HostAdvice) -> Condition | None:
    """Say what the next renewal would fail on, as it was seen weeks before; None when nothing was."""
    if row.rehearsal is None or row.next_renewal_attempt_at is None:
        return None
    first, *others = row.rehearsal.risks
    more = f" {len(others)} more problems were found." if others else ""
    return Condition(
        type="certificate", status=True, reason="renewal_at_risk",
        message=f"The renewal at {row.next_renewal_attempt_at:%Y-%m-%d %H:%M} UTC will fail: "
        f"{first.message}{more}",
        observed=told.observed, expected=told.expected, fix=told.fix, since=row.at_risk_since,
        next_check_at=row.next_action_at, acts=told.turn,
    )  # fmt: skip


def _next_check(row: Certificate, now: datetime) -> datetime | None:
    """Return when it is looked at again: what is watched is looked at all the time."""
    if row.watch_key is None or row.next_action_at is None:
        return row.next_action_at
    return min(row.next_action_at, now + watches.EVERY + watches.SPREAD)


def _well(row: Certificate) -> Condition:
    """Say what is to be known of a certificate that is valid and of which nothing fails."""
    until = _until(row)
    if row.needs_successor:
        return Condition(
            type="certificate", status=True, reason="certificate_ending",
            message=f"The uploaded certificate ends soon. The authority's follows it.{until}",
            fix="No action needed, or replace it by a new one.", next_check_at=row.next_action_at,
        )  # fmt: skip
    if row.renewal_explanation_url is not None:
        return Condition(
            type="certificate", status=True, reason="replacement_advised",
            message="The authority wants the certificate replaced until "
            f"{row.renewal_window_ends_at:%Y-%m-%d %H:%M} UTC and says why: "
            f"{row.renewal_explanation_url}",
            fix="No action needed." if row.auto_renew
            else f"Renew it with `nameplate certificate renew {ids.show(Prefix.CERTIFICATE, row.id)}`.",
            next_check_at=row.next_action_at,
        )  # fmt: skip
    if row.is_profile_gone:
        return Condition(
            type="certificate", status=True, reason="profile_gone",
            message=f"The authority has no certificate profile {row.profile} any more. The "
            f"certificate was renewed without a profile.{until}",
            fix="Choose another with `nameplate certificate renew "
            f'{ids.show(Prefix.CERTIFICATE, row.id)} --profile NAME`, or none with `--profile ""`.',
        )  # fmt: skip
    if row.unused_told_at is not None and row.unused_since is not None:
        return Condition(
            type="certificate", status=True, reason="certificate_not_used",
            message=f"No binding has used the certificate since {row.unused_since:%Y-%m-%d}. It is not "
            f"renewed for ever.{until}",
            fix="Bind an application to one of its names, or remove it with `nameplate certificate "
            f"remove {ids.show(Prefix.CERTIFICATE, row.id)}`.",
            since=row.unused_since,
        )  # fmt: skip
    if row.certificate_type is CertificateType.SELF_SIGNED:
        return Condition(
            type="certificate", status=True, reason="self_signed_served",
            message=f"The certificate is self-signed: browsers warn of it.{until}",
            fix="Add an account at a public authority, or upload a certificate.",
        )  # fmt: skip
    return Condition(type="certificate", status=True, reason="active", message="")


def holds_until(known: DomainFacts) -> datetime | None:
    """Return the next moment at which the clock alone changes a condition; lateness of checks apart."""
    ends = (row.expires_at for row in known.certificates)
    return min((one for one in ends if one is not None and one > known.now), default=None)


def _fix(row: Certificate) -> tuple[str, Turn | None]:
    """Return what to do and whose turn it is: the catalogue alone says it of every failure.

    A failure without a code is from before there were any.
    """
    code = row.trouble_code or row.renewal_error_code
    if code is not None:
        return notices.explained(code)
    if row.renewal_error_message is None:
        return "No action needed.", None
    if row.next_action_at is None:
        return "Correct the problem in the message, then renew the certificate.", None
    return "Wait. Nameplate retries automatically.", None


def exposure(known: DomainFacts) -> list[Condition]:
    """Say which hosts a proxy still serves although it must not; nothing when there are none."""
    found = known.exposed
    if not found:
        return []
    hosts = tuple(dict.fromkeys(host for host, _ in found))
    server = found[0][1]
    more = f" and {len(hosts) - 1} more" if len(hosts) > 1 else ""
    return [
        Condition(
            type="exposure",
            status=False,
            reason="still_served",
            message=f"Still served although this is not allowed any more: {hosts[0]}{more}. "
            f"The server {server.name} cannot be configured: {server.trouble_told}",
            observed=hosts[:_SHOWN],
            fix="The operator must check the server now. Until it can be configured, stop its proxy to "
            "close these hosts.",
            since=server.trouble_since,
            next_check_at=server.next_action_at,
        )
    ]


def serving(known: DomainFacts) -> Condition:
    """Say whether every binding was seen to answer at its last health check."""
    rows, now = known.bindings, known.now
    if not rows:
        return Condition(
            type="serving",
            status=False,
            reason="no_binding",
            message="No application is bound to this domain.",
            fix="Bind an application to it.",
        )
    troubles = [
        found
        for row, server in rows
        if (found := _binding(row, server, now, known.left.get(row.id, ()))) is not None
    ]
    if not troubles:
        troubles = [
            behind
            for row, _ in rows
            if (behind := _behind(row, known.placed.get(row.id, ()))) is not None
        ]
    if troubles:
        return _worst(troubles, len(rows))
    first = rows[0][0]
    more = f" and at {len(rows) - 1} more" if len(rows) > 1 else ""
    return Condition(
        type="serving",
        status=True,
        reason="probed",
        message=f"The application answers at {first.hostname}{first.path}{more}.",
        since=first.activated_at,
        next_check_at=first.next_action_at,
    )


def _worst(troubles: Sequence[Condition], bindings: int) -> Condition:
    first = next((one for one in troubles if one.status is False), troubles[0])
    if len(troubles) == 1:
        return first
    others = f" {len(troubles) - 1} of {bindings} other bindings have a problem too."
    return Condition(
        type=first.type, status=first.status, reason=first.reason, message=first.message + others,
        observed=tuple(one.message for one in troubles[1:10]), fix=first.fix, since=first.since,
        next_check_at=first.next_check_at,
    )  # fmt: skip


def _binding(
    row: Binding, server: Server | None, now: datetime, left: Sequence[MemberServer]
) -> Condition | None:
    """Return what is wrong with one binding, None when it was seen to answer a moment ago.

    `left` are the servers that it moves away from.
    """
    host = f"{row.hostname}{row.path}"
    at_service = hosted_conditions.serving(row, server)
    if at_service is not None:
        return at_service
    if row.server_id is None and row.server_group_id is None:
        return Condition(
            type="serving", status=False, reason="not_placed",
            message=f"{host} is on no server and no server group, so that nothing serves it.",
            fix="Move the binding to a server or a server group.",
            since=row.trouble_since, next_check_at=row.next_action_at,
        )  # fmt: skip
    if row.status is not BindingStatus.ACTIVE:
        return _moving(row, host, left) or _arriving(row, server, host)
    if row.failing_since is not None or row.health_status is HealthStatus.UNHEALTHY:
        return Condition(
            type="serving", status=False, reason="binding_unhealthy",
            message=_unanswered(row, server, host),
            observed=_failures(row),
            fix="Check the application, and the proxy in front of it.",
            since=row.failing_since or row.trouble_since, next_check_at=row.next_action_at,
        )  # fmt: skip
    return _unseen(row, server, now, host) or _moving(row, host, left)


def _unanswered(row: Binding, server: Server | None, host: str) -> str:
    """Say what a visitor sees at which server, and what is wrong with the server by itself."""
    at = "" if server is None else f" at the server {server.name}"
    stopped = None if server is None else server.trouble_told
    why = f"The server cannot be configured: {stopped}" if stopped else None
    return " ".join(filter(None, (f"{host} does not answer{at}.", row.error_message, why)))


def _unseen(row: Binding, server: Server | None, now: datetime, host: str) -> Condition | None:
    """Say that nobody has looked at an active binding of late, None when somebody has."""
    checked = row.last_health_check_at
    unseen = server if row.health_status is HealthStatus.UNKNOWN else None
    if unseen is not None and unseen.is_by_agent and unseen.trouble_code is not None:
        fix, turn = notices.explained(unseen.trouble_code)
        return Condition(
            type="serving", status=None, reason=unseen.trouble_code,
            message=f"{host} cannot be checked now at the server {unseen.name}: {unseen.trouble_told}",
            fix=fix, since=unseen.trouble_since, next_check_at=row.next_action_at, acts=turn,
        )  # fmt: skip
    overdue = MISSED_CHECKS * timedelta(seconds=row.health_check_interval) + LATENESS
    if checked is None or now - checked > overdue:
        last = f"{checked:%Y-%m-%d %H:%M} UTC" if checked else "never"
        return Condition(
            type="serving", status=None, reason=UNCHECKED,
            message=f"{host} has not been checked since {last}: no worker has checked it.",
            fix="The operator must check that `nameplate worker` is running.",
            since=checked, next_check_at=row.next_action_at,
        )  # fmt: skip
    return None


def _moving(row: Binding, host: str, left: Sequence[MemberServer]) -> Condition | None:
    """Say which servers serve a binding on that moves away from them; None when none does."""
    serving = [one for one in left if one.is_told]
    if not serving:
        return None
    shown = ", ".join(one.shown for one in serving[:_SHOWN])
    at = serving[0].at
    if row.status is not BindingStatus.ACTIVE:
        why = row.trouble_message or row.error_message or "Its proxy is being configured."
        told = f"The other place was not seen to serve it yet, and DNS still leads here. {why}"
    elif at is None or at.leaves_at is None:
        told = "The other place serves it too, and DNS is being led there."
    else:
        told = f"It stops at {at.leaves_at:%Y-%m-%d %H:%M} UTC, when caches have forgotten it."
    is_stuck = row.status is BindingStatus.ERROR
    return Condition(
        type="serving", status=True, reason="moving",
        message=f"{host} moves to another place, and {shown} continues to serve it. {told}",
        observed=tuple(one.shown for one in serving[:_SHOWN]),
        fix="Correct the problem in the message." if is_stuck else "No action needed.",
        since=None if at is None else at.leaving_since, next_check_at=row.next_action_at,
    )  # fmt: skip


def _behind(row: Binding, places: Sequence[MemberServer]) -> Condition | None:
    """Say which servers of the group do not serve what the others serve, None when all do."""
    behind = [one for one in places if one.trouble is not None]
    if not behind:
        return None
    told = " ".join(f"{one.shown}: {one.trouble}" for one in behind[:_SHOWN])
    away = sum(one.is_withheld for one in behind)
    led = "DNS does not lead to it." if away == len(behind) else "DNS still leads to it."
    if len(behind) > 1:
        led = f"DNS leads past {away} of these {len(behind)} servers."
    is_own = all(one.server.organization_id for one in behind)
    whose = "Check" if is_own else "The operator must check"
    return Condition(
        type="serving", status=True, reason="server_behind",
        message=f"{row.hostname}{row.path} answers, but not at every server of its group. {told} {led}",
        observed=tuple(one.shown for one in behind[:_SHOWN]),
        fix=f"{whose} the server that is named, and its proxy. It is used again as soon as it answers.",
        since=min((one.at.withheld_at for one in behind if one.at and one.at.withheld_at), default=None),
        next_check_at=row.next_action_at,
    )  # fmt: skip


def _failures(row: Binding) -> tuple[str, ...]:
    """Return how often a binding has failed its check in a row."""
    bad = row.health_memory.bad
    if not bad:
        return ()
    checks = "1 health check" if bad == 1 else f"{bad} health checks in a row"
    return (f"{checks} failed; {row.health_status.value}.",)


def _arriving(row: Binding, server: Server | None, host: str) -> Condition:
    """Return what a binding waits for that is not served yet."""
    message = row.trouble_message or row.error_message
    fix = "Correct the problem in the message." if row.status is BindingStatus.ERROR else ""
    stopped = None if server is None else server.trouble_told
    if server is not None and stopped and row.status is not BindingStatus.PENDING:
        message = f"The server {server.name} cannot be configured: {stopped}"
        fix = "The operator must check the server. Nameplate continues as soon as it can be configured."
    return Condition(
        type="serving",
        status=False,
        reason=f"binding_{row.status.value}",
        message=message or f"{host} is being configured.",
        fix=fix or "Wait. Nameplate continues automatically.",
        since=row.trouble_since,
        next_check_at=row.next_action_at,
    )
