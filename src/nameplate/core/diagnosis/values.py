"""How a value in DNS differs from the one that was expected."""

from collections.abc import Iterable, Mapping

from nameplate.core.diagnosis.observed import Expected

_AROUND = " \t\r\n\u00a0\u200b\"'`\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb;,."
_MIN_PART = 8
"""Characters of the expected value that are enough to know it by."""

TOLD: Mapping[str, tuple[str, str]] = {
    "value_old": (
        "The {type} record at {name} has the value of an earlier claim, which proves nothing any more.",
        "Change the value to {value}.",
    ),
    "value_quoted": (
        "The value of the {type} record at {name} has quotes, spaces or other characters around it.",
        "Enter the value without anything around it: {value}",
    ),
    "value_case": (
        "The value of the {type} record at {name} differs in upper and lower case.",
        "Copy the value exactly: {value}",
    ),
    "value_incomplete": (
        "The {type} record at {name} has only a part of the value.",
        "Copy the whole value: {value}",
    ),
    "value_longer": (
        "The {type} record at {name} has more text than the value.",
        "Enter only the value: {value}",
    ),
    "value_wrong": (
        "The {type} record at {name} has the value of another claim. This claim needs its own.",
        "Change the value to {value}.",
    ),
    "alias_wrong": (
        "The CNAME record at {name} does not lead to the expected target.",
        "Change its target to {value} and remove what your DNS host appended.",
    ),
    "value_of_another": (
        "There is a {type} record at {name}, but not with the expected value.",
        "Add a {type} record at {name} with the value {value}. Others can stay beside it.",
    ),
}
"""What is said of each kind of difference, and what to do; in order of how close the value is."""


def closest(expected: Expected, found: Iterable[str]) -> tuple[str, str] | None:
    """Return the value that is nearest to the expected one, and how it differs; None without any."""
    order, is_alias = list(TOLD), expected.type == "CNAME"
    judged = [(value, "alias_wrong" if is_alias else _kind(expected, value)) for value in found]
    return min(judged, key=lambda one: order.index(one[1]), default=None)


def told(expected: Expected, kind: str) -> tuple[str, str]:
    """Return what is wrong with a value of this kind, and what to do, as whole sentences."""
    message, fix = TOLD[kind]
    return (
        message.format(type=expected.type, name=expected.name),
        fix.format(type=expected.type, name=expected.name, value=expected.value),
    )


def _kind(expected: Expected, value: str) -> str:
    wanted, bare = expected.value, value.strip(_AROUND)
    if bare == wanted.strip(_AROUND):
        return "value_quoted"
    if value in expected.old or bare in expected.old:
        return "value_old"
    if bare.casefold() == wanted.casefold():
        return "value_case"
    if len(bare) >= _MIN_PART and bare in wanted and not wanted.startswith(f"{bare}="):
        return "value_incomplete"
    if wanted in value or "".join(value.split()) == wanted:
        return "value_longer"
    prefix, is_named, _ = wanted.partition("=")
    return "value_wrong" if is_named and bare.startswith(prefix) else "value_of_another"
