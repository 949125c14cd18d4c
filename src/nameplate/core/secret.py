"""A value that cannot be shown by accident."""

import hmac
from collections.abc import Callable
from typing import NoReturn, Self


class Secret:
    """Text that cannot print, log, format, serialise, copy or pickle.

    `reveal()` is the only way out, so that a search for that word finds every place where a secret
    leaves its wrapper. Equality takes the same time whatever the difference.
    """

    __slots__ = ("_open",)

    def __init__(self, text: str) -> None:
        self._open: Callable[[], str] = lambda: text

    @classmethod
    def later(cls, opened: "Callable[[], Secret]") -> Self:
        """Return a secret that is opened each time it is revealed, and never kept."""
        made = cls("")
        made._open = lambda: opened().reveal()
        return made

    @property
    def _text(self) -> str:
        return self._open()

    def reveal(self) -> str:
        """Return the secret text."""
        return self._text

    def __repr__(self) -> str:
        """Return a placeholder of constant length."""
        return "Secret(***)"

    def __str__(self) -> str:
        """Return a placeholder of constant length."""
        return "***"

    def __format__(self, spec: str) -> str:
        """Return the placeholder whatever the format."""
        return "***"

    def __eq__(self, other: object) -> bool:
        """Compare in constant time; only another `Secret` can be equal."""
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._text.encode(), other._text.encode())

    __hash__ = None  # type: ignore[assignment]  # a hash would be an oracle

    def __bool__(self) -> bool:
        """Tell whether there is anything inside."""
        return bool(self._text)

    def __len__(self) -> NoReturn:
        """Refuse: a length is information."""
        raise TypeError("a Secret has no length")

    def __reduce__(self) -> NoReturn:
        """Refuse pickling and copying."""
        raise TypeError("a Secret cannot be pickled or copied")
