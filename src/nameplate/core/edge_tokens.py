"""What a server's proxy sends to fetch its configuration: made of the edge's secret, kept nowhere."""

import base64
import hashlib
import hmac

from nameplate.core.secret import Secret

_PURPOSE = b"nameplate edge configuration\0"


def token(secret: Secret, server: str) -> Secret:
    """Return the token of one server, by its public id; another edge secret makes another token."""
    made = hmac.digest(secret.reveal().encode(), _PURPOSE + server.encode(), hashlib.sha256)
    return Secret(base64.urlsafe_b64encode(made).rstrip(b"=").decode())


def opens(secret: Secret, server: str, presented: bytes) -> bool:
    """Tell whether what was presented is the token of the server; takes as long for any answer."""
    return hmac.compare_digest(token(secret, server).reveal().encode(), presented)
