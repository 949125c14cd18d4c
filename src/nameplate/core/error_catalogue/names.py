"""Names: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Names",
    "Host names. All rules are checked before any DNS query.",
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
            "The name has two dots in a row, or begins with a dot.",
            "Remove the empty label.",
            (422,),
        ),
        "name_label_too_long": Entry(
            Turn.YOU,
            "A label of the name is too long.",
            "Use at most 63 octets per label. For a label with non-ASCII letters, the "
            "`xn--` form counts.",
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
            "The name has a character that is not allowed in a host name.",
            "Remove the character that the message names.",
            (422,),
        ),
        "name_character_newer": Entry(
            Turn.YOU,
            "The name has a character that is newer than the Unicode tables of this installation.",
            "Choose another character, or have the operator run Nameplate on a newer Python.",
            (422,),
        ),
        "name_mapped": Entry(
            Turn.YOU,
            "The name has a character that software reads as another, or drops.",
            "Replace it with the usual character.",
            (422,),
        ),
        "name_bidi": Entry(
            Turn.YOU,
            "Left-to-right and right-to-left characters are mixed in a misleading order (RFC 5893).",
            "Use one direction within a label, and do not begin it with a digit.",
            (422,),
        ),
        "name_hyphen": Entry(
            Turn.YOU,
            "A label has a hyphen where it is not allowed.",
            "Remove hyphens at the beginning, at the end, and at the third and fourth "
            "position of a label.",
            (422,),
        ),
        "name_underscore": Entry(
            Turn.YOU,
            "The name has an underscore, which is not allowed in a host name.",
            "Remove the underscore. For a name such as `_dmarc`, add a record to the domain "
            "instead.",
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
            "A label begins with `xn--` but does not decode to any label.",
            "Give the name in its original script. Nameplate encodes it.",
            (422,),
        ),
        "name_wildcard": Entry(
            Turn.YOU,
            "The `*` is not allowed here.",
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
            "The name is a public suffix.",
            "Give a name below the suffix, such as `example.co.uk`.",
            (422,),
        ),
        "name_private_suffix": Entry(
            Turn.YOU,
            "The name is a suffix below which a company gives names to its customers.",
            "Give your own name below it.",
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
        "name_platform": Entry(
            Turn.YOU,
            "The name belongs to the platform itself, or is above or below one that does.",
            "Give another name. The operator sets these names (`NAMEPLATE_PLATFORM_ZONES`).",
            (422,),
        ),
        "name_in_use": Entry(
            Turn.YOU,
            "The name, or one that overlaps it, is already in use on this platform.",
            "If it is yours, release it where it is in use, then check again. A proof by DNS has the "
            "other use checked. Otherwise contact the operator.",
            (409,),
        ),
        "name_invalid": Entry(
            Turn.YOU,
            "The record's name has a character that is not allowed in a DNS name.",
            "Remove the character that the message names.",
        ),
        "name_not_covered": Entry(
            Turn.YOU,
            "A name of the certificate belongs to no proved domain of the organization, or none of the "
            "names belongs to the domain that was given.",
            "Prove the domain of the name that the message gives, or leave the name out.",
            (422,),
        ),
    },
)
