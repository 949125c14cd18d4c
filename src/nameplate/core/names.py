"""Domain names, parsed once at the edge: whoever holds a `Hostname` need not check it again."""

import re
from dataclasses import dataclass

from nameplate.core import labels as label_rules
from nameplate.core import suffixes
from nameplate.core.addresses import is_address, is_number
from nameplate.core.errors import Invalid

_MAX_TEXT = 1024
_MAX_LENGTH = 253
_MAX_LABELS = 10
_PERMITTED = re.compile(r"(?:[A-Za-z0-9.*_-]|[^\x00-\x7f])*")
_OF_URLS = frozenset(":/?#@")


def canonical(text: str) -> str:
    """Return a name in A-labels as it is compared and kept: lower case, no final dot (RFC 4343)."""
    return text.lower().removesuffix(".")


def shown(name: str) -> str:
    """Return a canonical name for people to read, in U-labels; as it is where it has none."""
    if "xn--" not in name:
        return name
    try:
        found = parse(name, wildcard=True, underscore=True, private_suffix=True, special_use=True)
    except Invalid:
        return name
    return found.unicode


def is_wildcard(name: str) -> bool:
    """Tell whether the first label of `name` is `*`."""
    return name.startswith("*.")


def without_wildcard(name: str) -> str:
    """Return the name that a wildcard is below, and any other name as it is."""
    return name.removeprefix("*.")


def parent(name: str) -> str:
    """Return `name` without its first label; nothing for a top-level domain."""
    return name.partition(".")[2]


def self_and_ancestors(name: str, *, least: int = 1) -> list[str]:
    """Return `name` and the names above it, nearest first, that have `least` labels or more."""
    labels = name.split(".")
    return [".".join(labels[index:]) for index in range(len(labels) - least + 1)]


def is_below(name: str, other: str) -> bool:
    """Tell whether `name` has `other` as an ancestor."""
    return name.endswith(f".{other}")


def is_within(name: str, other: str) -> bool:
    """Tell whether `name` is `other` or a subdomain of it (RFC 9499 section 2)."""
    return name == other or name.endswith(f".{other}")


def relative(name: str, origin: str) -> str:
    """Return an owner name as zone files write it below `origin`: `www`, `@` for `origin` itself.

    A name that is not within `origin` comes back as it is.
    """
    return "@" if name == origin else name.removesuffix(f".{origin}")


def absolute(name: str, origin: str) -> str:
    """Return the whole name of a relative owner name, without final dot: undoes `relative`."""
    return origin if name == "@" else f"{name}.{origin}"


@dataclass(frozen=True, slots=True)
class Hostname:
    """A name that follows every rule of `parse`. Two spellings of one name are equal."""

    name: str
    """Canonical form: lower-case A-labels, no trailing dot, `*.` in front of a wildcard."""
    unicode: str
    """The same for people to read, in U-labels. Show it beside `name`, not instead of it."""
    registrable: str
    """What a registrar sells: one label below the ICANN public suffix. Key of the holdings lock."""
    private_suffix: str | None = None
    """The longest suffix of the list's private section that the name is or ends with."""

    @property
    def wildcard(self) -> bool:
        """Whether the name covers all names one label below it (RFC 9525 section 6.3)."""
        return is_wildcard(self.name)

    @property
    def subdomain(self) -> str | None:
        """The part left of the registrable domain, `*` included; None at the registrable domain."""
        return self.name[: -len(self.registrable) - 1] or None

    def parents(self) -> tuple[str, ...]:
        """Return the names above this one, nearest first, up to the registrable domain."""
        least = self.registrable.count(".") + 1
        return tuple(self_and_ancestors(self.name, least=least)[1:])

    @property
    def mixed_script(self) -> bool:
        """Whether a label mixes scripts that no language mixes: worth a look, never refused."""
        return not self.unicode.isascii() and any(
            map(label_rules.mixes_scripts, self.unicode.split("."))
        )

    @property
    def lookalike(self) -> bool:
        """Whether a label is all Cyrillic or Greek but reads as Latin: worth a look."""
        return not self.unicode.isascii() and any(
            map(label_rules.looks_latin, self.unicode.split("."))
        )

    def __str__(self) -> str:
        """Return the canonical form."""
        return self.name


def parse(
    text: str,
    *,
    wildcard: bool = False,
    underscore: bool = False,
    private_suffix: bool = False,
    special_use: bool = False,
) -> Hostname:
    """Return the name that `text` spells.

    Without flags it must be a host that somebody can register and reach: `wildcard` admits `*` as
    the whole first label, `underscore` service labels left of the registrable domain (RFC 8552),
    `private_suffix` names such as `github.io`, `special_use` names below `.test` and its kind,
    whose suffix then counts as public.

    Raises Invalid; each reason has its own code, all begin with `name_`.
    """
    _check_text(text)
    lower = text.lower() if text.isascii() else label_rules.folded(text)
    parts = lower.removesuffix(".").split(".")
    starred = parts[0] == "*" and len(parts) > 1
    if "*" in lower and not (wildcard and starred and lower.count("*") == 1):
        raise _misplaced_wildcard(allowed=wildcard)
    pairs = [label_rules.pair(part, underscore=underscore) for part in parts[starred:]]
    ascii_labels = [pair[0] for pair in pairs]
    base = ".".join(ascii_labels)
    _check_size(base, len(parts), starred=starred)
    suffix, private = _suffixes_of(
        base, starred=starred, private_suffix=private_suffix, special_use=special_use
    )
    registrable = ".".join(ascii_labels[-2 - suffix.count(".") :])
    if underscore and "_" in registrable:
        raise Invalid(
            "name_underscore", f"{registrable} cannot be registered, because it has an underscore."
        )
    shown = base
    if "xn--" in base:
        unicode_labels = [pair[1] for pair in pairs]
        label_rules.check_bidi(unicode_labels)
        shown = ".".join(unicode_labels)
    star = "*." if starred else ""
    return Hostname(star + base, star + shown, registrable, private)


def _check_text(text: str) -> None:
    """Refuse what cannot be a name at all, with a hint for what people paste by mistake."""
    if text in {"", "."}:
        raise Invalid("name_empty", "Give a name.")
    if len(text) > _MAX_TEXT:
        raise _too_long()
    if is_address(text):
        raise Invalid("name_address", "Expected a host name, not an IP address.")
    if _PERMITTED.fullmatch(text):
        return
    if not _OF_URLS.isdisjoint(text) and text.isprintable() and " " not in text:
        raise Invalid(
            "name_url",
            "Give only the name, without scheme, user, port or path, such as shop.example.com.",
        )
    foreign = next(char for char in text if not _PERMITTED.fullmatch(char))
    raise Invalid(
        "name_character", f"Remove {label_rules.spelled(foreign)}. It is not allowed in a name."
    )


def _misplaced_wildcard(*, allowed: bool) -> Invalid:
    return Invalid(
        "name_wildcard",
        "Use * once and only as the whole first label, as in *.example.com."
        if allowed
        else "A wildcard is not allowed here. Give one exact name.",
    )


def _check_size(base: str, count: int, *, starred: bool) -> None:
    """Check the limits on the whole name (RFC 1035 section 2.3.4)."""
    if len(base) + 2 * starred > _MAX_LENGTH:
        raise _too_long()
    if count > _MAX_LABELS:
        raise Invalid("name_too_many_labels", f"A name may have at most {_MAX_LABELS} labels.")


def _too_long() -> Invalid:
    return Invalid("name_too_long", f"A name may have at most {_MAX_LENGTH} octets.")


def _suffixes_of(
    base: str, *, starred: bool, private_suffix: bool, special_use: bool
) -> tuple[str, str | None]:
    """Return the public and the private suffix of `base`, which must lie below them."""
    suffix = suffixes.special_use(base)
    if suffix and not (special_use and suffix != "arpa"):
        raise Invalid("name_special_use", f".{suffix} is reserved and not on the public Internet.")
    if suffix is None:
        suffix = _public_suffix(base)
    if base == suffix:
        if starred:
            raise _wildcard_suffix(base)
        if "." not in base:
            raise _single_label()
        raise Invalid("name_public_suffix", f"{base} is a public suffix. Give a name below it.")
    longest = suffixes.longest_suffix(base) or suffix
    if longest.count(".") <= suffix.count("."):
        return suffix, None
    if base == longest:
        if starred:
            raise _wildcard_suffix(base)
        if not private_suffix:
            raise Invalid(
                "name_private_suffix",
                f"{base} gives names to its customers. Give a name below it.",
            )
    return suffix, longest


def _public_suffix(base: str) -> str:
    """Return the ICANN suffix of `base`, or refuse: the reason is in its last label."""
    suffix = suffixes.public_suffix(base)
    if suffix is not None:
        return suffix
    last = base.rpartition(".")[2]
    if is_number(last):
        raise Invalid("name_tld_numeric", "No top-level domain is a number.")
    if last == base:
        raise _single_label()
    raise Invalid("name_tld_unknown", f"There is no top-level domain .{last}.")


def _single_label() -> Invalid:
    return Invalid(
        "name_single_label", "Give the whole name with its dots, such as shop.example.com."
    )


def _wildcard_suffix(base: str) -> Invalid:
    return Invalid("name_wildcard_suffix", f"*.{base} would cover names of different owners.")
