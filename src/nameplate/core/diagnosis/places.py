"""Where owners put the record by mistake, so that it can be looked for there."""

from nameplate.core.names import is_within, self_and_ancestors


def of(record: str, name: str, zone: str, registrable: str) -> list[str]:
    """Return names at which the proof of `name` may have ended up, likeliest first.

    `record` is where it belongs: a label of ours and `name`.
    """
    label = record.removesuffix(f".{name}")
    found = [f"{record}.{zone}"] if zone else []
    found += [f"{record}.{name}", name]
    found += [zone] if zone else []
    least = registrable.count(".") + 1
    for above in self_and_ancestors(name, least=least)[1:]:
        found += [f"{label}.{above}", above]
    found += [f"{label.removeprefix('_')}.{name}", f"{label}.www.{name}"]
    return [one for one in dict.fromkeys(found) if one != record and len(one) <= 253][:10]  # noqa: PLR2004  # RFC 1035


def is_doubled(place: str, record: str) -> bool:
    """Tell whether a place is the record's name with a zone appended once more."""
    return place.startswith(f"{record}.") and is_within(record, place.removeprefix(f"{record}."))
