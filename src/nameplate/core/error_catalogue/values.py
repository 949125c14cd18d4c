"""Record values: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Record values",
    "Values of a single record. These codes appear in `errors` of `record_invalid`.",
    {
        "record_too_large": Entry(
            Turn.YOU,
            "One value is longer than DNS can carry.",
            "Shorten the value, or publish it at several names.",
            (),
        ),
        "rrset_too_large": Entry(
            Turn.YOU,
            "The values of one name and type do not fit into one DNS message.",
            "Remove values, or spread them over several names.",
            (),
        ),
        "value_required": Entry(
            Turn.YOU,
            "The value is empty.",
            'Give the value. An empty text is written as `""`.',
        ),
        "value_invalid": Entry(
            Turn.YOU,
            "The value does not have the form of its type.",
            "Write it in the form that the message shows.",
        ),
        "number_invalid": Entry(
            Turn.YOU,
            "A number is not whole or not within its limits.",
            "Give a whole number within the limits in the message.",
        ),
        "priority_required": Entry(
            Turn.YOU,
            "The type needs a priority.",
            "Give `priority`, or write it before the host in the value.",
        ),
        "weight_required": Entry(
            Turn.YOU,
            "The type needs a weight.",
            "Give `weight`, or write all numbers before the host in the value.",
        ),
        "port_required": Entry(
            Turn.YOU,
            "The type needs a port.",
            "Give `port`, or write all numbers before the host in the value.",
        ),
        "priority_unused": Entry(
            Turn.YOU,
            "The type has no priority.",
            "Leave `priority` out.",
        ),
        "weight_unused": Entry(
            Turn.YOU,
            "The type has no weight.",
            "Leave `weight` out.",
        ),
        "port_unused": Entry(
            Turn.YOU,
            "The type has no port.",
            "Leave `port` out.",
        ),
        "priority_differs": Entry(
            Turn.YOU,
            "The priority in the field and the one in the value differ.",
            "Give it once.",
        ),
        "weight_differs": Entry(
            Turn.YOU,
            "The weight in the field and the one in the value differ.",
            "Give it once.",
        ),
        "port_differs": Entry(
            Turn.YOU,
            "The port in the field and the one in the value differ.",
            "Give it once.",
        ),
        "address_invalid": Entry(
            Turn.YOU,
            "The text is not an IP address.",
            "Write an address such as `192.0.2.1` for A or `2001:db8::1` for AAAA.",
        ),
        "address_family": Entry(
            Turn.YOU,
            "The address belongs to the other record type.",
            "Use A records for IPv4 addresses and AAAA records for IPv6 addresses.",
        ),
        "address_mapped": Entry(
            Turn.YOU,
            "The IPv6 address contains an IPv4 address.",
            "Use the IPv4 address in an A record.",
        ),
        "address_scoped": Entry(
            Turn.YOU,
            "The address names a network interface after `%`.",
            "Remove `%` and what follows, if others can reach the address.",
        ),
        "address_unusable": Entry(
            Turn.YOU,
            "No host can have this address.",
            "Give the public address of the host.",
        ),
        "leading_zero": Entry(
            Turn.YOU,
            "The IPv4 address has leading zeros, which some programs read as octal.",
            "Write the numbers without leading zeros.",
        ),
        "target_is_url": Entry(
            Turn.YOU,
            "A URL was given instead of a host name.",
            "Give only the host name, without scheme and path.",
        ),
        "target_is_address": Entry(
            Turn.YOU,
            "An IP address was given instead of a host name.",
            "Give a host name, or use an A or AAAA record.",
        ),
        "target_has_port": Entry(
            Turn.YOU,
            "The host name has a port.",
            "Remove the port. Only SRV records have one.",
        ),
        "target_is_email": Entry(
            Turn.YOU,
            "An e-mail address was given instead of a host name.",
            "Give the host name after the `@`.",
        ),
        "target_several": Entry(
            Turn.YOU,
            "Several words were given instead of one host name.",
            "Give one host name.",
        ),
        "target_is_self": Entry(
            Turn.YOU,
            "The record would point to its own name.",
            "Give another target.",
        ),
        "target_not_host": Entry(
            Turn.YOU,
            "The target has an underscore, which is not allowed in a host name.",
            "Give the name of a host.",
        ),
        "null_mx_priority": Entry(
            Turn.YOU,
            "The null MX must have priority 0 (RFC 7505).",
            "Write it as `0 .`.",
        ),
        "alias_mode": Entry(
            Turn.YOU,
            "Priority 0 is the alias form, which has a target and no parameters.",
            "Remove the parameters, or use a priority of 1 or more.",
        ),
        "text_too_long": Entry(
            Turn.YOU,
            "The text is longer than DNS allows.",
            "Shorten the text.",
        ),
        "text_invalid": Entry(
            Turn.YOU,
            "The text is not valid Unicode.",
            "Save or copy it as UTF-8.",
        ),
        "control_character": Entry(
            Turn.YOU,
            "The text has a line break or another control character.",
            "Remove it. If it is intended, quote the text and write the character as `\\010`.",
        ),
        "escape_invalid": Entry(
            Turn.YOU,
            "The number after a backslash is not an octet.",
            "Write three digits from `\\000` to `\\255`.",
        ),
        "digest_invalid": Entry(
            Turn.YOU,
            "The digest is not written in pairs of hexadecimal digits.",
            "Copy the digest again as hexadecimal text.",
        ),
        "digest_length": Entry(
            Turn.YOU,
            "The digest has the wrong length for its kind.",
            "Copy the whole digest, and check the number that names its kind.",
        ),
        "sshfp_numbers": Entry(
            Turn.YOU,
            "The numbers of the SSHFP record are not valid.",
            "Use algorithm 1 to 4 or 6, and fingerprint type 1 or 2.",
        ),
        "tlsa_numbers": Entry(
            Turn.YOU,
            "The numbers of the TLSA or SMIMEA record are not valid.",
            "Use usage 0 to 3, selector 0 or 1, matching type 0 to 2.",
        ),
        "naptr_flags": Entry(
            Turn.YOU,
            "The flags of the NAPTR record are not letters and digits.",
            "Write flags such as `s`, `a`, `u` or `p`, or none.",
        ),
        "naptr_regexp": Entry(
            Turn.YOU,
            "The regular expression of the NAPTR record is not a substitution.",
            "Write one delimiter before, between and after the two parts, such as "
            "`!^.*$!sip:info@example.com!`.",
        ),
        "naptr_both": Entry(
            Turn.YOU,
            "The NAPTR record has a regular expression and a replacement.",
            'Write `""` for the expression, or `.` for the replacement.',
        ),
        "loc_range": Entry(
            Turn.YOU,
            "A number of the LOC record is out of range.",
            "Give a number within the limits in the message.",
        ),
        "uri_target": Entry(
            Turn.YOU,
            "The URI record has no target, or one that cannot be read.",
            "Put the URI into one pair of double quotes.",
        ),
        "key_invalid": Entry(
            Turn.YOU,
            "The key of the OPENPGPKEY record is not base64.",
            "Write the binary key in base64, without the lines of the armor around it.",
        ),
        "caa_shape": Entry(
            Turn.YOU,
            "The CAA record does not have three parts.",
            'Write flags, tag and value: `0 issue "ca.example"`.',
        ),
        "caa_flags": Entry(
            Turn.YOU,
            "The flags of the CAA record are not valid.",
            "Use 0, or 128 for critical.",
        ),
        "caa_tag": Entry(
            Turn.YOU,
            "The tag of the CAA record is not valid.",
            "Use letters and digits, without quotes.",
        ),
        "caa_critical_unknown": Entry(
            Turn.YOU,
            "An unknown CAA tag is marked critical, so no authority could issue.",
            "Use flags 0, or a tag that authorities know.",
        ),
        "caa_value": Entry(
            Turn.YOU,
            "The value of the CAA record is not printable ASCII in one pair of quotes.",
            "Put the value in one pair of double quotes.",
        ),
        "caa_issuer": Entry(
            Turn.YOU,
            "The CAA record does not name an authority's domain.",
            "Give a domain such as `letsencrypt.org`, or `;` to allow no authority.",
        ),
        "caa_parameters": Entry(
            Turn.YOU,
            "The parameters of the CAA record cannot be read.",
            "Write them as `name=value; name=value`.",
        ),
        "caa_iodef": Entry(
            Turn.YOU,
            "`iodef` has no URL.",
            "Give a URL that begins with `mailto:`, `http:` or `https:`.",
        ),
    },
)
