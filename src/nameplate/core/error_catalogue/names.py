"""Names: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Names",
    "What Nameplate says of a host name. All rules are checked before anything is asked.",
    {
        "name_empty": Entry(
            Turn.YOU,
            "The name is empty.",
            "Give the whole name, such as `shop.example.com`.",
            (422,),
        ),
        "name_not_utf8": Entry(
            Turn.YOU,
            "The line is not valid UTF-8.",
            "Save the file as UTF-8 and check it again.",
        ),
        "name_address": Entry(
            Turn.YOU,
            "An IP address was given instead of a name.",
            "Give a host name. Certificates for addresses are not supported.",
            (422,),
        ),
        "name_url": Entry(
            Turn.YOU,
            "A URL or an address with scheme, user, port or path was given.",
            "Give the host name alone, such as `shop.example.com`.",
            (422,),
        ),
        "name_single_label": Entry(
            Turn.YOU,
            "The name has no dot.",
            "Give the whole name with its domain, such as `shop.example.com`.",
            (422,),
        ),
        "name_label_empty": Entry(
            Turn.YOU,
            "Two dots stand together, or the name begins with one.",
            "Remove the empty label.",
            (422,),
        ),
        "name_label_too_long": Entry(
            Turn.YOU,
            "A label of the name is too long.",
            "Use at most 63 octets a label. For a label with other letters, its `xn--` form counts.",
            (422,),
        ),
        "name_too_long": Entry(
            Turn.YOU,
            "The name is too long.",
            "Use at most 253 characters, counted in the `xn--` form.",
            (422,),
        ),
        "name_too_many_labels": Entry(
            Turn.YOU,
            "The name has too many labels.",
            "Use fewer levels.",
            (422,),
        ),
        "name_character": Entry(
            Turn.YOU,
            "The name holds a character that cannot stand in a host name.",
            "Remove the character that the message names.",
            (422,),
        ),
        "name_mapped": Entry(
            Turn.YOU,
            "The name holds a character that software reads as another, or drops.",
            "Write the usual character in its place.",
            (422,),
        ),
        "name_bidi": Entry(
            Turn.YOU,
            "Left-to-right and right-to-left characters are mixed in a misleading order (RFC 5893).",
            "Use one direction within a label, and no digit at its beginning.",
            (422,),
        ),
        "name_hyphen": Entry(
            Turn.YOU,
            "A hyphen stands where no label may have one.",
            "No label begins or ends with a hyphen, or has two in the third and fourth place.",
            (422,),
        ),
        "name_underscore": Entry(
            Turn.YOU,
            "The name has an underscore, which no host name may have.",
            "Remove the underscore. Records such as `_dmarc` are added to the domain, not claimed.",
            (422,),
        ),
        "name_idna": Entry(
            Turn.YOU,
            "IDNA 2008 does not allow this label.",
            "Choose another spelling without the character that the message names.",
            (422,),
        ),
        "name_punycode": Entry(
            Turn.YOU,
            "A label begins with `xn--` and is not the encoding of any label.",
            "Give the name in its own letters, and Nameplate encodes it.",
            (422,),
        ),
        "name_wildcard": Entry(
            Turn.YOU,
            "The `*` stands where no wildcard can be.",
            "Use `*` only as the whole first label, as in `*.example.com`, and only where wildcards are allowed.",
            (422,),
        ),
        "name_wildcard_suffix": Entry(
            Turn.YOU,
            "The wildcard would cover names of different owners.",
            "Claim a wildcard below your own registered domain.",
            (422,),
        ),
        "name_public_suffix": Entry(
            Turn.YOU,
            "The name is a public suffix, below which others register names.",
            "Give a name below the suffix, such as `example.co.uk`.",
            (422,),
        ),
        "name_private_suffix": Entry(
            Turn.YOU,
            "The name is a suffix at which a company gives names to its customers.",
            "Give a name below it that is yours.",
            (422,),
        ),
        "name_special_use": Entry(
            Turn.YOU,
            "The top-level domain is reserved and not on the public Internet.",
            "Give a name that is registered on the public Internet.",
            (422,),
        ),
        "name_tld_numeric": Entry(
            Turn.YOU,
            "The last label is a number.",
            "Check the name. No top-level domain is a number.",
            (422,),
        ),
        "name_tld_unknown": Entry(
            Turn.YOU,
            "There is no such top-level domain.",
            "Check the end of the name for a typing error.",
            (422,),
        ),
        "name_in_use": Entry(
            Turn.YOU,
            "The name, or one that overlaps it, is already in use on this platform.",
            "If it is yours, release it where it is used now, then check again. If it is not, contact the operator.",
            (409,),
        ),
        "name_invalid": Entry(
            Turn.YOU,
            "The record's name holds a character that no DNS name may have.",
            "Remove the character that the message names.",
        ),
        "name_not_covered": Entry(
            Turn.YOU,
            "A name of the certificate does not belong to the domain.",
            "Ask for names at or below the domain only, or claim the other name as a domain of its own.",
            (422,),
        ),
    },
)
