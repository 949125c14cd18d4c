"""What the two state machines of a custom hostname at Cloudflare mean together, as one state."""

from collections.abc import Mapping
from typing import Any

from nameplate.adapters.changes.answers import short
from nameplate.ports.hosted_proxy import HostRecord, HostStage, HostState

Entry = Mapping[str, Any]
"""A custom hostname as the API writes it."""

_SERVING = frozenset({"active", "active_redeploying", "test_active", "test_active_apex"})
_PENDING = frozenset({"pending", "pending_migration", "pending_provisioned", "provisioned", "test_pending"})  # fmt: skip
_LEAVING = frozenset({"pending_deletion", "deleted"})
_STOPPED: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("blocked", "pending_blocked", "test_blocked", "test_failed"),
        ("blocked", "Cloudflare has blocked {}."),
    ),
    **dict.fromkeys(_LEAVING, ("deleted", "Cloudflare is removing {}.")),
    "moved": ("moved", "{} no longer leads to Cloudflare's zone of the platform."),
}
"""What stops a host whatever its certificate: status -> reason and sentence."""
_SECURED = frozenset({"active", "backup_issued", "pending_expiration", "staging_active"})
_ISSUING = frozenset({"pending_issuance", "pending_deployment", "staging_deployment", "holding_deployment"})  # fmt: skip
_TIMED_OUT = "_timed_out"


def is_leaving(entry: Entry) -> bool:
    """Tell whether a custom hostname is on its way out: there is nothing to delete any more."""
    return entry.get("status") in _LEAVING


def is_given_up(entry: Entry) -> bool:
    """Tell whether Cloudflare looks no more, or seldom, until it is asked to."""
    ssl = _ssl(entry).get("status") or ""
    return entry.get("status") == "moved" or str(ssl).endswith(_TIMED_OUT)


def judge(entry: Entry) -> HostState:
    """Return the one state of a custom hostname; a status that is not known counts as waiting."""
    stage, reason, message = _judged(entry)
    return HostState(
        stage,
        reason,
        message,
        records=() if stage is HostStage.SERVED else records(entry),
        id=str(entry.get("id") or ""),
        is_given_up=is_given_up(entry),
        expires_at=_ssl(entry).get("expires_on"),
    )


def _judged(entry: Entry) -> tuple[HostStage, str, str]:
    host, status = entry["hostname"], str(entry.get("status") or "pending")
    if status in _STOPPED:
        reason, sentence = _STOPPED[status]
        return _stopped(reason, sentence.format(host), entry)
    secured = _secured(entry)
    if status in _SERVING or secured[0] is HostStage.STOPPED:
        return secured
    if status in _PENDING:
        return _waiting("pending", f"Cloudflare has not yet seen that {host} leads to it.", entry)
    return _waiting("pending", f"Cloudflare reports {host} as {short(status)}.", entry)


def _secured(entry: Entry) -> tuple[HostStage, str, str]:
    host, status = entry["hostname"], str(_ssl(entry).get("status") or "active")
    if status in _SECURED:
        return HostStage.SERVED, "", ""
    if status in _ISSUING:
        return _waiting("issuing", f"The certificate of {host} is being issued at Cloudflare.", entry)  # fmt: skip
    if status.endswith(_TIMED_OUT):
        what = "issue the certificate of" if status != f"validation{_TIMED_OUT}" else "validate"
        return _stopped("timed_out", f"Cloudflare could not {what} {host} in time.", entry)
    if status == "expired":
        return _stopped("expired", f"The certificate of {host} at Cloudflare has expired.", entry)
    if status in {"initializing", "pending_validation"}:
        return _waiting("validating", f"Cloudflare is validating {host} for its certificate.", entry)  # fmt: skip
    return _stopped("uncertified", f"The certificate of {host} at Cloudflare is {short(status)}.", entry)  # fmt: skip


def _stopped(reason: str, message: str, entry: Entry) -> tuple[HostStage, str, str]:
    return HostStage.STOPPED, f"custom_hostname_{reason}", _with_errors(message, entry)


def _waiting(reason: str, message: str, entry: Entry) -> tuple[HostStage, str, str]:
    return HostStage.WAITING, f"custom_hostname_{reason}", _with_errors(message, entry)


def _with_errors(message: str, entry: Entry) -> str:
    said = [str(one) for one in entry.get("verification_errors") or ()]
    said += [str(one.get("message")) for one in _ssl(entry).get("validation_errors") or ()]
    return f"{message} It says: {short('; '.join(said))}" if said else message


def records(entry: Entry) -> tuple[HostRecord, ...]:
    """Return the records by which the owner proves the host and has the certificate validated."""
    found = []
    owned = entry.get("ownership_verification") or {}
    if entry.get("status") not in _SERVING and owned.get("name") and owned.get("value"):
        found.append(HostRecord("TXT", _name(owned["name"]), owned["value"]))
    if _ssl(entry).get("status") not in _SECURED:
        for one in _ssl(entry).get("validation_records") or ():
            if one.get("txt_name") and one.get("txt_value"):
                found.append(HostRecord("TXT", _name(one["txt_name"]), one["txt_value"]))
            elif one.get("cname") and one.get("cname_target"):
                found.append(HostRecord("CNAME", _name(one["cname"]), _name(one["cname_target"])))
    return tuple(dict.fromkeys(found))


def _name(name: str) -> str:
    return name.lower().removesuffix(".")


def _ssl(entry: Entry) -> Mapping[str, Any]:
    return entry.get("ssl") or {}
