"""Amazon's APIs, with boto3 (the extra `aws`): clients, and what their failures mean."""

import importlib
import threading
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from nameplate.adapters.changes.answers import short
from nameplate.core.errors import NameplateError, RateLimited, Refused, Unavailable
from nameplate.core.secret import Secret

Client = Any  # botocore builds its clients at run time
Explain = Callable[[str, int, str], NameplateError]
"""Returns what an error means by its code, HTTP status and sentence."""

NOT_SENDABLE = "ParamValidationError"
"""Code of what botocore itself will not send."""
_TITLES = {"route53": "Route 53", "route53domains": "Route 53 Domains"}
_CREDENTIAL = frozenset(
    {
        *("AccessDenied", "AccessDeniedException", "ExpiredToken", "IncompleteSignature"),
        *("InvalidClientTokenId", "MissingAuthenticationToken", "SignatureDoesNotMatch"),
        *("UnrecognizedClientException", "OptInRequired", "ExpiredTokenException"),
    }
)
_THROTTLED = frozenset(
    {
        *("Throttling", "ThrottlingException", "TooManyRequestsException"),
        *("PriorRequestNotComplete", "RequestLimitExceeded"),
    }
)
_NOTHING_SENT = frozenset(
    {
        *("EndpointConnectionError", "ConnectTimeoutError", "ProxyConnectionError"),
        *("SSLError", "CredentialRetrievalError"),
    }
)
_TOO_MANY = 429
_MAX_CODE = 80
"""Characters of an exception's name that are repeated."""
_LOCK = threading.Lock()


def client(
    access_key_id: Secret,
    secret_access_key: Secret,
    *,
    service: str = "route53",
    region: str = "us-east-1",
    endpoint: str | None = None,
    timeout: float = 30.0,
) -> Client:
    """Return a client for one AWS credential. `Refused("extra_missing")` without boto3.

    It never retries by itself: what may be repeated is decided here.
    """
    session = _session()
    config = importlib.import_module("botocore.config").Config(
        connect_timeout=timeout,
        read_timeout=timeout,
        retries={"total_max_attempts": 1, "mode": "standard"},
        proxies={},
        ignore_configured_endpoint_urls=True,
    )
    with _LOCK:  # sessions make clients for one thread at a time
        return session.client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=access_key_id.reveal(),
            aws_secret_access_key=secret_access_key.reveal(),
            config=config,
        )


@cache
def _session() -> Client:
    """Return the one session: each loads AWS's service descriptions for itself, tens of MB."""
    try:
        return importlib.import_module("boto3.session").Session()
    except ModuleNotFoundError:
        raise Refused(
            "extra_missing", "Route 53 needs boto3. Install nameplate with the extra `aws`."
        ) from None


def read(client: Client, operation: str, explain: Explain, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401  # botocore's
    """Read, once more when the answer was lost: reading changes nothing."""
    for last in (False, True):
        try:
            return call(client, operation, explain, parameters)
        except Unavailable as error:
            if last or isinstance(error, RateLimited):
                if error.code != "answer_lost":
                    raise
                raise Unavailable("provider_unreachable", error.detail) from None
    raise AssertionError


def call(client: Client, operation: str, explain: Explain, parameters: Mapping[str, Any]) -> Any:  # noqa: ANN401  # botocore's
    """Call once. Raises what the error means: credential and limits here, the rest by `explain`."""
    errors = importlib.import_module("botocore.exceptions")
    method: Callable[..., Any] = getattr(client, operation)
    service = client.meta.service_model.service_name
    title = _TITLES.get(service, service)
    try:
        return method(**parameters)
    except errors.ClientError as error:
        raise _explained(title, error.response, explain) from None
    except errors.BotoCoreError as error:
        raise _broken(title, type(error).__name__, explain) from None


def _explained(title: str, response: Mapping[str, Any], explain: Explain) -> NameplateError:
    error = response.get("Error", {})
    code = str(error.get("Code", ""))
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    said = short(" ".join(response.get("messages") or [str(error.get("Message", ""))]))
    if code in _THROTTLED or status == _TOO_MANY:
        return RateLimited("rate_limited", f"{title} limits requests. Try again later.")
    if code in _CREDENTIAL:
        return Refused("credential_refused", f"AWS rejected the credential: {code}.")
    return explain(short(code, _MAX_CODE), status, said)


def _broken(title: str, kind: str, explain: Explain) -> NameplateError:
    if kind == "NoCredentialsError":
        return Refused("credential_missing", "The account has no AWS credential.")
    if kind == NOT_SENDABLE:
        return explain(kind, 0, "")
    if kind in _NOTHING_SENT:
        return Unavailable("provider_unreachable", f"{title} cannot be reached: {kind}.")
    return Unavailable("answer_lost", f"The answer of {title} was lost: {kind}.")
