"""Certificate authorities: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Certificate authorities",
    "What an authority answered to an order.",
    {
        "ca_account_missing": Entry(
            Turn.OPERATOR,
            "There is no account at a certificate authority.",
            "Add one with `nameplate account add --kind ca`.",
            (502,),
        ),
        "ca_unreachable": Entry(
            Turn.AUTHORITY,
            "The authority cannot be reached.",
            "Wait: Nameplate tries again. If it lasts, check the network and the authority's status.",
            (503,),
        ),
        "ca_untrusted": Entry(
            Turn.OPERATOR,
            "The authority's server has a certificate that is not trusted here.",
            "Set `ca_bundle` of the account for a private authority, or check who answers at its address.",
            (503,),
        ),
        "ca_answer_malformed": Entry(
            Turn.AUTHORITY,
            "The authority's answer is not ACME.",
            "Check the directory URL of the account. If it is right, wait: Nameplate tries again.",
            (503,),
        ),
        "acme_unavailable": Entry(
            Turn.AUTHORITY,
            "The authority cannot answer now.",
            "Wait: Nameplate tries again when the authority asks it to.",
            (503,),
        ),
        "acme_rate_limited": Entry(
            Turn.AUTHORITY,
            "The authority limits requests.",
            "Wait as long as the message says. Ask for fewer certificates, or one for several names.",
            (429,),
        ),
        "acme_bad_nonce": Entry(
            Turn.AUTHORITY,
            "The authority refused several nonces in a row.",
            "Wait: Nameplate tries again.",
            (503,),
        ),
        "acme_eab_malformed": Entry(
            Turn.OPERATOR,
            "The HMAC key of the external account is not base64url.",
            "Copy the key again from the authority.",
            (502,),
        ),
        "acme_profile_unknown": Entry(
            Turn.OPERATOR,
            "The authority offers no such profile.",
            "Use one of the profiles that the message lists.",
            (502,),
        ),
        "acme_*": Entry(
            Turn.AUTHORITY,
            "The authority refuses the request. The rest of the code is the ACME error type (RFC 8555 section 6.7).",
            "Read what the authority said in the message. For `acme_caa` and `acme_rejected_identifier` change DNS or the name; for others ask the operator.",
            (502,),
        ),
        "challenge_not_offered": Entry(
            Turn.AUTHORITY,
            "The authority does not offer this challenge for a name.",
            "Ask for the certificate with another challenge.",
            (502,),
        ),
        "challenge_invalid": Entry(
            Turn.YOU,
            "The authority looked for the proof and did not accept it.",
            "Read what the authority saw in the message, correct DNS or the web server, and issue again.",
        ),
        "order_invalid": Entry(
            Turn.AUTHORITY,
            "The authority ended the order without a certificate.",
            "Read the reason in the message. Nameplate makes a new order by itself.",
        ),
        "order_expired": Entry(
            Turn.NAMEPLATE,
            "The order ended before all names were proved.",
            "Nothing to do. Nameplate makes a new order by itself.",
        ),
        "order_unknown": Entry(
            Turn.OPERATOR,
            "The local authority does not know this order.",
            "Issue the certificate again.",
            (502,),
        ),
        "bad_csr": Entry(
            Turn.OPERATOR,
            "The local authority refuses the certificate signing request.",
            "Report this as a bug, or check the program that made the request.",
            (502,),
        ),
        "names_missing": Entry(
            Turn.OPERATOR,
            "The local authority was asked for a certificate without names.",
            "Name at least one host.",
            (502,),
        ),
        "profile_unknown": Entry(
            Turn.OPERATOR,
            "The local authority has no certificate profiles.",
            "Leave the profile out.",
            (502,),
        ),
        "revocation_unavailable": Entry(
            Turn.AUTHORITY,
            "This authority cannot revoke certificates.",
            "Replace the certificate instead, and let the old one expire.",
            (502,),
        ),
    },
)
