"""One label of a name: what may be mapped, and its A-label and U-label (RFC 5890, IDNA 2008)."""

import re
import unicodedata

import idna

from nameplate.core.errors import Invalid

_LDH = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_UNDERSCORED = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_DOTS = str.maketrans("。．｡", "...")  # noqa: RUF001 - the dots of UTS 46
_MAX_LENGTH = 63
_ACE = "xn--"

# The writing systems that people do mix in one word (Unicode TR 39, highly restrictive level).
_MIXES = (
    frozenset({"LATIN", "CJK", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "CJK", "BOPOMOFO"}),
    frozenset({"LATIN", "CJK", "HANGUL"}),
)
_LATIN_LOOKALIKES = frozenset("асԁеһіјӏорԛѕԝхуονρυ")  # noqa: RUF001 - Cyrillic and Greek


def folded(text: str) -> str:
    """Return `text` in lower case and usual width, composed, with `.` as the only separator.

    UTS 46 maps more than that: it drops soft hyphens and zero-width characters, turns circled
    digits, the long s or the Kelvin sign into others. Such a name has two spellings, one of which
    the owner may not mean, so it is refused. What stays is what RFC 5895 section 2 asks for.

    Raises Invalid `name_mapped`, `name_character`, `name_character_newer`.
    """
    text = text.translate(_DOTS)
    return unicodedata.normalize("NFC", "".join(map(_folded_character, text)))


def pair(label: str, *, underscore: bool) -> tuple[str, str]:
    """Return the A-label and the U-label of a folded `label`; both are `label` when plain ASCII.

    `underscore` admits service labels such as `_dmarc` (RFC 8552).

    Raises Invalid with a code for each rule of RFC 5891 and RFC 1035 that the label breaks.
    """
    if not label:
        raise Invalid("name_label_empty", "The name has two dots in a row. Remove the empty label.")
    if label.isascii():
        if len(label) > _MAX_LENGTH:
            raise _too_long()
        if label[2:4] != "--":
            _check_ascii(label, underscore=underscore)
            return label, label
        if not label.startswith(_ACE):
            raise Invalid(
                "name_hyphen",
                f"{label} is reserved, because its third and fourth characters are hyphens "
                "(RFC 5890).",
            )
    return _international(label)


def check_bidi(labels: list[str]) -> None:
    """Check the rule of RFC 5893 over all U-labels of one name, once any is right-to-left.

    The idna library looks at one label at a time, and so misses `1.<Arabic>.com`. Wildcards and
    service labels are never shown to people, and are left out.

    Raises Invalid `name_bidi`.
    """
    if not any(
        unicodedata.bidirectional(char) in {"R", "AL", "AN"} for text in labels for char in text
    ):
        return
    for text in labels:
        if text != "*" and "_" not in text:
            try:
                idna.check_bidi(text, check_ltr=True)
            except idna.IDNAError as error:
                raise _refusal(error) from None


def mixes_scripts(label: str) -> bool:
    """Tell whether the letters of a U-label come from scripts that no language mixes."""
    scripts = {
        unicodedata.name(char, "UNKNOWN").split(" ", 1)[0].split("-", 1)[0]
        for char in label
        if unicodedata.category(char) in {"Ll", "Lo"}
    }
    return len(scripts) > 1 and not any(scripts <= mix for mix in _MIXES)


def looks_latin(label: str) -> bool:
    """Tell whether every letter of a U-label is Cyrillic or Greek and drawn like a Latin one."""
    letters = {char for char in label if char.isalpha()}
    return bool(letters) and letters <= _LATIN_LOOKALIKES


def _folded_character(char: str) -> str:
    """Return one character as UTS 46 maps it, when that changes only case and width."""
    if char.isascii():
        return char.lower()
    _check_known(char)
    try:
        mapped = idna.uts46_remap(char, std3_rules=True)
    except idna.IDNAError:
        raise Invalid(
            "name_character", f"Remove {spelled(char)}. It is not allowed in a name."
        ) from None
    if mapped == char or _is_taken_apart(char, mapped):
        return mapped
    tag, _, code = unicodedata.decomposition(char).partition(" ")
    usual_width = chr(int(code, 16)) if tag in {"<wide>", "<narrow>"} else char
    same = mapped == usual_width.lower() and len(mapped) == 1
    if not same or unicodedata.normalize("NFC", char) != char:
        raise Invalid(
            "name_mapped",
            f"Replace {spelled(char)}. Software reads it as another character or drops it.",
        )
    return mapped


def _check_known(text: str) -> None:
    """Refuse what Python's tables do not know yet: without them no name has one form only."""
    newer = next((char for char in text if unicodedata.category(char) == "Cn"), None)
    if newer is not None:
        raise Invalid(
            "name_character_newer",
            f"U+{ord(newer):04X} is not in Unicode {unicodedata.unidata_version}, which is what this "
            "installation of Python knows. Choose another character, or use a newer Python.",
        )


def _is_taken_apart(char: str, mapped: str) -> bool:
    """Tell whether `char` is a letter that NFC always writes as several, such as U+09DF."""
    return len(mapped) > 1 and mapped == unicodedata.normalize("NFD", char) == (
        unicodedata.normalize("NFC", char)
    )


def _check_ascii(label: str, *, underscore: bool) -> None:
    """Check letters, digits and hyphens (RFC 1123 section 2.1); say which rule is broken."""
    if _LDH.fullmatch(label) or (underscore and _UNDERSCORED.fullmatch(label)):
        return
    if "_" in label and not underscore:
        raise Invalid(
            "name_underscore", f"{label} has an underscore, which is not allowed in a host name."
        )
    raise Invalid("name_hyphen", f"{label} begins or ends with a hyphen.")


def _international(label: str) -> tuple[str, str]:
    """Return both forms of a label that is an A-label or has non-ASCII letters."""
    try:
        unicode = idna.ulabel(label)
        found = idna.alabel(unicode).decode("ascii")
    except idna.IDNAError as error:
        raise _refusal(error) from None
    _check_known(unicode)
    return found, unicode


def _refusal(error: idna.IDNAError) -> Invalid:
    """Translate an error of the idna library without repeating the name."""
    code = error.code or ""
    if code in {"label_too_long", "input_too_long"}:
        return _too_long()
    if code.startswith("bidi_"):
        return Invalid(
            "name_bidi",
            "Left-to-right and right-to-left characters are in an order that is displayed "
            "misleadingly (RFC 5893).",
        )
    if code.startswith("hyphen_"):
        return Invalid(
            "name_hyphen",
            "A label begins or ends with a hyphen, or its third and fourth characters are hyphens.",
        )
    if code in {"invalid_alabel", "non_canonical_alabel", "not_nfc"}:
        return Invalid("name_punycode", "A label begins with xn-- but does not decode to any name.")
    which = f"{spelled(chr(error.codepoint))} is" if error.codepoint else "a character is"
    return Invalid(
        "name_idna", f"IDNA 2008 does not allow this label, because {which} not permitted here."
    )


def _too_long() -> Invalid:
    return Invalid("name_label_too_long", "A label may have at most 63 octets as an A-label.")


def spelled(char: str) -> str:
    """Return a character as `U+00AD SOFT HYPHEN`, which is safe to print."""
    return f"U+{ord(char):04X} {unicodedata.name(char, '')}".rstrip()
