"""Adding accounts at authorities after the authority took them: what is wrong is said before it is stored."""

from collections.abc import Mapping
from typing import Any

from nameplate.core import configuration
from nameplate.core.actor import Actor
from nameplate.core.errors import Invalid, NameplateError, Problem
from nameplate.core.secret import Secret
from nameplate.db import Sessions
from nameplate.models import Account, AccountKind
from nameplate.usecases.tenants import accounts, providers
from nameplate.usecases.tools import Tools

_CONTACT, _DIRECTORY, _KEY = "/config/contact", "/config/directory_url", "/credentials/account_key"
_EXTERNAL, _EXTERNAL_KEY = "/config/eab_key_id", "/credentials/eab_hmac_key"
_PLACES: Mapping[str, tuple[str, str]] = {
    "acme_bad_public_key": (_KEY, "Give another `account_key`, such as an EC P-256 key."),
    "acme_bad_signature_algorithm": (_KEY, "Give another `account_key`, such as an EC P-256 key."),
    "acme_eab_malformed": (_EXTERNAL_KEY, "Copy `eab_hmac_key` again from the authority."),
    "acme_external_account_required": (
        _EXTERNAL,
        "Give `eab_key_id` and the credential `eab_hmac_key`, which the authority shows its customers.",
    ),
    "acme_invalid_contact": (_CONTACT, "Correct the addresses in `contact`."),
    "acme_unsupported_contact": (_CONTACT, "Correct the addresses in `contact`."),
    "ca_answer_malformed": (_DIRECTORY, "Check that the URL is that of an ACME directory."),
    "ca_unreachable": (_DIRECTORY, "Check the URL of the directory, and the network."),
    "ca_untrusted": (
        "/config/ca_bundle",
        "For a private authority, give `ca_bundle`. Otherwise check the URL of the directory.",
    ),
}
"""By the code of what an authority says: which setting is wrong, and what to do."""
_BOUND = ("acme_malformed", "acme_unauthorized")
"""What authorities say of an external account that they do not know, among other things."""
_KNOWN_DIRECTORY = "Check the network from here to the authority, and the authority's status."


def add(
    sessions: Sessions,
    tools: Tools,
    actor: Actor,
    *,
    test: bool = True,
    dry_run: bool = False,
    **given: Any,  # noqa: ANN401 - what `accounts.add` takes
) -> Account:
    """Add an account as `accounts.add`; one at an authority is registered there first, unless told not to.

    Raises Invalid with the authority's code and the place that is to be corrected, too.
    """
    if given["kind"] == AccountKind.CA and test and not dry_run:
        _written(sessions, tools, actor, given, dry_run=True)  # what can be said without asking
        given["credentials"] = _registered(tools, actor, given)
    return _written(sessions, tools, actor, given, dry_run=dry_run)


def _registered(tools: Tools, actor: Actor, given: Mapping[str, Any]) -> Mapping[str, str]:
    """Return the credentials, with the key made that the authority knows now."""
    plugin = tools.authorities.get(given["provider"])
    config = given.get("config") or {}
    made = providers.completed(actor, plugin, config, given.get("credentials") or {})
    secrets = {name: Secret(text) for name, text in made.items()}
    try:
        plugin.connect(configuration.load(plugin.configuration, config), secrets, tools.clock)
    except NameplateError as error:
        raise _explained(error, config) from error
    return made


def _explained(error: NameplateError, config: Mapping[str, Any]) -> Invalid:
    place, fix = _PLACES.get(error.code, ("/config", "Correct what the authority names."))
    if error.code in _BOUND and config.get("eab_key_id"):
        place, fix = _EXTERNAL, "Copy `eab_key_id` and `eab_hmac_key` again from the authority."
    if place == _DIRECTORY and "directory_url" not in config:
        place, fix = "/provider", _KNOWN_DIRECTORY
    detail = f"{error.detail} {fix} To add the account without this test, turn `test` off."
    return Invalid(error.code, detail, [Problem(place, error.code, detail)])


def _written(
    sessions: Sessions, tools: Tools, actor: Actor, given: Mapping[str, Any], *, dry_run: bool
) -> Account:
    with sessions.begin(actor) as session:
        row = accounts.add(session, actor, tools, **given)
        session.flush()
        session.refresh(row)
        if dry_run:
            session.expunge(row)
            session.rollback()
    return row
