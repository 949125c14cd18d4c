"""Cursors: where a list goes on, readable by Nameplate only and good for one list of one caller."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping

from nameplate.core import ids
from nameplate.core.encryption import KeyRing
from nameplate.core.errors import Invalid

_LABEL = "cursor"
_PREFIX = "cur"
_MAC_BYTES = 15


def encode(keyring: KeyRing, after: int, bound_to: Mapping[str, object]) -> str:
    """Return the cursor behind the row `after` of the list that `bound_to` describes."""
    place = ids.show(_PREFIX, after)
    return f"{place}.{_mac(keyring, keyring.primary, place, bound_to)}"


def decode(keyring: KeyRing, cursor: str, bound_to: Mapping[str, object]) -> int:
    """Return the id after which the list goes on.

    Raises Invalid `invalid_cursor` for one that was changed, or made for another list or caller.
    """
    place, _, given = cursor.partition(".")
    known = cursor.isascii() and any(
        hmac.compare_digest(given, _mac(keyring, key, place, bound_to)) for key in keyring.key_ids
    )
    if not known:
        raise Invalid(
            "invalid_cursor",
            "Not a cursor of this list. Start again without `cursor`.",
        )
    return ids.parse(place, _PREFIX)


def _mac(keyring: KeyRing, key: str, place: str, bound_to: Mapping[str, object]) -> str:
    text = json.dumps([place, bound_to], sort_keys=True, default=str)
    digest = hmac.new(keyring.derive(_LABEL, key=key), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_MAC_BYTES]).decode("ascii")
