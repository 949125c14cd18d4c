"""Orders whose account got another key at its authority while they were under way."""

from nameplate.core.actor import PLATFORM
from nameplate.core.errors import NameplateError, Unavailable
from nameplate.core.issuance import Fail
from nameplate.db import Sessions
from nameplate.models import Account

CODE = "account_changed"
CHANGED = Fail(
    "account_changed", "The key of the account at the authority was changed in between.", retry=True
)
_DOUBTED = {"acme_malformed", "acme_unauthorized", "acme_account_does_not_exist"}
"""What authorities say of a request that is signed with a key which is not the account's any more."""


def explained(sessions: Sessions, account: Account, error: NameplateError) -> NameplateError:
    """Return `account_changed` instead of a refusal that the account's new key explains."""
    if error.code in _DOUBTED and _is_changed(sessions, account):
        return Unavailable(CODE, CHANGED.reason)
    return error


def _is_changed(sessions: Sessions, account: Account) -> bool:
    """Tell whether an account is not any more what it was when it was read."""
    with sessions.begin(PLATFORM, read_only=True) as session:
        row = session.get(Account, account.id)
        return row is not None and row.updated_at != account.updated_at
