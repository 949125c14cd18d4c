"""Methods of the specification that are declared but not built yet."""

from typing import NoReturn

from nameplate.core.errors import Refused

METHODS = ("dns_cname", "email", "meta_tag", "acme_http", "acme_dns")


class NotAvailable:
    """Refuses to instruct and to check with `Refused("method_not_available")`."""

    def __init__(self, method: str) -> None:
        """Take the name of the method to speak of."""
        self._method = method

    def instruct(self, name: str, token: str) -> NoReturn:  # noqa: ARG002  # the port's signature
        """Refuse."""
        self._refuse()

    def check(self, name: str, token: str) -> NoReturn:  # noqa: ARG002  # the port's signature
        """Refuse."""
        self._refuse()

    def _refuse(self) -> NoReturn:
        raise Refused(
            "method_not_available",
            f"The method {self._method} is not available yet; use dns_txt or file_upload.",
        )
