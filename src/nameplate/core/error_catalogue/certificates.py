"""Certificates: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Certificates",
    "Certificate requests, bundles and keys.",
    {
        "certificate_not_found": Entry(
            Turn.YOU,
            "There is no such certificate.",
            "List the domain's certificates and use an id from there.",
            (404,),
        ),
        "certificate_pending": Entry(
            Turn.NAMEPLATE,
            "The certificate is being obtained.",
            "Nothing to do, unless the message says why it waits.",
        ),
        "certificate_error": Entry(
            Turn.YOU,
            "The certificate could not be obtained.",
            "Correct the problem in the message. Nameplate retries automatically.",
        ),
        "certificate_expired": Entry(
            Turn.YOU,
            "The certificate has expired.",
            "Correct the reason why the renewal failed, and issue a new certificate.",
        ),
        "certificate_revoked": Entry(
            Turn.YOU,
            "The certificate is revoked.",
            "Issue a new certificate. A revoked one is not renewed.",
            (409,),
        ),
        "certificate_missing": Entry(
            Turn.YOU,
            "There is no certificate to revoke yet.",
            "Wait until it is issued, or remove the request.",
            (409,),
        ),
        "certificate_not_ready": Entry(
            Turn.AUTHORITY,
            "The authority has not issued the certificate yet.",
            "No action needed. Nameplate asks again automatically.",
            (502, 503),
        ),
        "challenge_unavailable": Entry(
            Turn.YOU,
            "The challenge is not supported.",
            "Use `http-01` or `dns-01`.",
            (422,),
        ),
        "too_many_names": Entry(
            Turn.YOU,
            "The certificate would have too many names.",
            "Request several certificates with fewer names each.",
            (422,),
        ),
        "too_many_certificates": Entry(
            Turn.YOU,
            "The list has more certificates than one schedule takes.",
            "Split the list, and schedule each part by itself.",
            (422,),
        ),
        "names_invalid": Entry(
            Turn.YOU,
            "Some names of the list cannot be certified.",
            "Correct the names that the problems point to.",
            (422,),
        ),
        "names_repeated": Entry(
            Turn.YOU,
            "A certificate with exactly these names is in the list already.",
            "Remove the repetition.",
        ),
        "budget_spent": Entry(
            Turn.NAMEPLATE,
            "The platform's budget of requests to the authority is spent.",
            "No action needed. Nameplate orders the certificate at the time in the message. "
            "The budget keeps within the authority's limits.",
            (429,),
        ),
        "key_reused": Entry(
            Turn.YOU,
            "The private key is already in use.",
            "Generate a new key for this certificate.",
            (422,),
        ),
        "key_mismatch": Entry(
            Turn.YOU,
            "The certificate was issued for another private key.",
            "Give the key that belongs to the certificate.",
            (422,),
        ),
        "key_malformed": Entry(
            Turn.YOU,
            "The private key cannot be read.",
            "Give exactly one private key as PEM of at most 8 KiB.",
            (422,),
        ),
        "key_encrypted": Entry(
            Turn.YOU,
            "The private key has a password.",
            "Remove the password before you give the key.",
            (422,),
        ),
        "key_weak": Entry(
            Turn.YOU,
            "The key is too weak, or too large.",
            "Use an EC key on P-256 or P-384, or RSA with 2048 to 8192 bits and the exponent 65537.",
            (422,),
        ),
        "key_unsupported": Entry(
            Turn.YOU,
            "The kind of key is not supported.",
            "Use an EC key on P-256 or P-384, or RSA.",
            (422,),
        ),
        "key_kind_unknown": Entry(
            Turn.YOU,
            "The kind of key is unknown.",
            "Use one of the kinds that the message lists.",
            (422,),
        ),
        "bundle_malformed": Entry(
            Turn.YOU,
            "The bundle is not a list of PEM certificates.",
            "Give CERTIFICATE blocks only, the server's first, with nothing in between.",
            (422,),
        ),
        "bundle_too_large": Entry(
            Turn.YOU,
            "The bundle is too large.",
            "Give the server's certificate and its intermediates only.",
            (422,),
        ),
        "chain_broken": Entry(
            Turn.YOU,
            "The certificates do not form a chain.",
            "After each certificate, put the one that signed it.",
            (422,),
        ),
        "leaf_is_authority": Entry(
            Turn.YOU,
            "The first certificate is an authority's, not the server's.",
            "Put the server's certificate first.",
            (422,),
        ),
        "names_differ": Entry(
            Turn.YOU,
            "The names in the certificate differ from those requested.",
            "Give a certificate for exactly the expected names.",
            (422,),
        ),
        "not_for_servers": Entry(
            Turn.YOU,
            "The certificate does not allow server authentication.",
            "Use a certificate for TLS servers.",
            (422,),
        ),
        "not_yet_valid": Entry(
            Turn.YOU,
            "The certificate is not valid yet.",
            "Wait until the time in the message, or check the clock.",
            (422,),
        ),
        "signature_weak": Entry(
            Turn.YOU,
            "A certificate of the chain is signed with a broken hash.",
            "Use a chain that is signed with SHA-256 or better.",
            (422,),
        ),
        "host_without_address": Entry(
            Turn.YOU,
            "The host has no address in DNS yet, so that its certificate is not ordered.",
            "Point the host to its server, as the message says. Nameplate checks again automatically.",
        ),
        "host_points_elsewhere": Entry(
            Turn.YOU,
            "The host leads to an address where Nameplate does not answer ACME challenges.",
            "Point the host to its server. If it points there, the operator must check that port 80 "
            "reaches the proxy.",
        ),
        "host_not_resolved": Entry(
            Turn.PROVIDER,
            "The name servers of the host do not answer.",
            "Check the name servers of the domain. Nameplate checks again automatically.",
        ),
        "host_not_checkable": Entry(
            Turn.OPERATOR,
            "The workers have no network route to any address of the host.",
            "Give the workers IPv6, or set `NAMEPLATE_CHALLENGE_CHECK_VIA`.",
        ),
        "certificate_unused": Entry(
            Turn.NAMEPLATE,
            "No binding uses the certificate any more, so that it is not obtained or renewed.",
            "No action needed. Bind an application to the host, or renew it, to have it again.",
        ),
        "renewal_failing": Entry(
            Turn.OPERATOR,
            "The certificate is still valid, but its renewal fails.",
            "Correct the problem in the message before the certificate expires.",
        ),
    },
)
