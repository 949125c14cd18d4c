"""Certificate authorities: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Certificate authorities",
    "Answers of certificate authorities.",
    {
        "ca_account_missing": Entry(
            Turn.OPERATOR,
            "There is no account at a certificate authority.",
            "Add one with `nameplate account add --kind ca`.",
            (502,),
        ),
        "key_change_unavailable": Entry(
            Turn.YOU,
            "The key of this account cannot be changed with its provider.",
            "Replace the credentials with `nameplate account update`, or add another account.",
            (409, 502),
        ),
        "ca_unreachable": Entry(
            Turn.AUTHORITY,
            "The authority cannot be reached.",
            "Wait. Nameplate retries automatically. If it persists, check the network and "
            "the authority's status.",
            (503,),
        ),
        "ca_untrusted": Entry(
            Turn.OPERATOR,
            "The certificate of the authority's server is not trusted.",
            "For a private authority, set `ca_bundle` of the account. Otherwise check which "
            "server answers at its address.",
            (503,),
        ),
        "ca_answer_malformed": Entry(
            Turn.AUTHORITY,
            "The authority's answer is not ACME.",
            "Check the directory URL of the account. If it is right, wait. Nameplate "
            "retries automatically.",
            (503,),
        ),
        "acme_unavailable": Entry(
            Turn.AUTHORITY,
            "The authority cannot answer now.",
            "Wait. Nameplate retries when the authority allows it.",
            (503,),
        ),
        "acme_rate_limited": Entry(
            Turn.AUTHORITY,
            "The authority limits requests.",
            "Wait as long as the message says. Request fewer certificates, or one for "
            "several names.",
            (429,),
        ),
        "acme_bad_nonce": Entry(
            Turn.AUTHORITY,
            "The authority rejected several nonces in a row.",
            "Wait. Nameplate retries automatically.",
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
            "The authority does not have this certificate profile.",
            "Use one of the profiles that the message lists.",
            (502,),
        ),
        "acme_replacement_refused": Entry(
            Turn.NAMEPLATE,
            "The authority does not take the order for the replacement of a certificate.",
            "No action needed. Nameplate orders without that.",
            (502,),
        ),
        "acme_order_lost": Entry(
            Turn.NAMEPLATE,
            "The authority does not know the order any more.",
            "Wait. Nameplate makes a new order.",
            (502,),
        ),
        "acme_caa": Entry(
            Turn.YOU,
            "CAA records do not let the authority issue.",
            "Add a CAA record that names the authority, or remove those that exclude it. Nameplate tries "
            "again automatically.",
            (502,),
        ),
        "acme_rejected_identifier": Entry(
            Turn.YOU,
            "The authority does not issue for one of the names.",
            "Issue the certificate without the name in the message, or ask the authority why it rejects it.",
            (502,),
        ),
        "acme_unsupported_identifier": Entry(
            Turn.YOU,
            "The authority does not issue for names of this kind.",
            "Issue the certificate without the name in the message.",
            (502,),
        ),
        "acme_external_account_required": Entry(
            Turn.OPERATOR,
            "The authority registers only accounts that are bound to one of its customers.",
            "Add the external account to the account. `nameplate account providers` shows the settings.",
            (502,),
        ),
        "acme_user_action_required": Entry(
            Turn.OPERATOR,
            "The authority wants something done about the account first, such as agreeing to new terms.",
            "Follow the address in the message. Nameplate continues as soon as the authority answers.",
            (502,),
        ),
        "acme_account_does_not_exist": Entry(
            Turn.OPERATOR,
            "The authority does not know the account, and does not register it again.",
            "Check the account at the authority, or add another one.",
            (502,),
        ),
        "acme_*": Entry(
            Turn.OPERATOR,
            "The authority rejected the request. The rest of the code is the ACME error "
            "type (RFC 8555 section 6.7).",
            "Read the authority's reason in the message, and check the account and its configuration.",
            (502,),
        ),
        "challenge_not_offered": Entry(
            Turn.YOU,
            "The authority does not offer this challenge for a name.",
            "Request the certificate with another challenge.",
            (502,),
        ),
        "challenge_invalid": Entry(
            Turn.YOU,
            "The authority checked the proof and did not accept it.",
            "Read in the message what the authority found, and correct DNS or the web server. Nameplate "
            "tries again automatically.",
        ),
        "order_invalid": Entry(
            Turn.AUTHORITY,
            "The authority closed the order without a certificate.",
            "Read the reason in the message. Nameplate makes a new order automatically.",
        ),
        "order_undecided": Entry(
            Turn.AUTHORITY,
            "The authority has worked on the order for longer than usual.",
            "Wait. Nameplate checks the order again every few seconds, or when the authority asks for it.",
        ),
        "order_expired": Entry(
            Turn.NAMEPLATE,
            "The order expired before all names were proved.",
            "Wait. Nameplate makes a new order automatically.",
        ),
        "order_unknown": Entry(
            Turn.OPERATOR,
            "The local authority does not know this order.",
            "Issue the certificate again.",
            (502,),
        ),
        "bad_csr": Entry(
            Turn.OPERATOR,
            "The local authority rejected the certificate signing request.",
            "Check the program that made the request. If it was Nameplate, report this as a bug.",
            (502,),
        ),
        "names_missing": Entry(
            Turn.OPERATOR,
            "The certificate request has no names.",
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
