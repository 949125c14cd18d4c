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
            "Wait. Nameplate asks again automatically.",
            (502, 503),
        ),
        "challenge_unavailable": Entry(
            Turn.YOU,
            "The challenge is not supported.",
            "Use `http-01`, `dns-01` or `tls-alpn-01`, or have the operator allow another one by "
            "`NAMEPLATE_DRAFT_CHALLENGES`.",
            (422,),
        ),
        "tls_alpn_unavailable": Entry(
            Turn.YOU,
            "The challenge `tls-alpn-01` cannot be answered for a host.",
            "Use `http-01` or `dns-01`. The operator can have an nginx pass such handshakes on.",
            (409,),
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
            "Give the password with an upload. Elsewhere, remove it from the key first.",
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
        "certificate_uploaded": Entry(
            Turn.YOU,
            "The certificate was uploaded, so that no authority of the platform can revoke it.",
            "Have whoever issued it revoke it, then remove it here.",
            (409,),
        ),
        "certificate_not_uploaded": Entry(
            Turn.YOU,
            "The certificate was issued by an authority, not uploaded.",
            "Upload yours beside it. It is preferred while it is valid.",
            (409,),
        ),
        "certificate_exists": Entry(
            Turn.YOU,
            "The certificate is there already.",
            "Use the certificate that the message names.",
            (409,),
        ),
        "certificate_in_use": Entry(
            Turn.YOU,
            "A host is served with the certificate, and there is no other one for it.",
            "Renew it: the authority's certificate is then obtained. Remove it afterwards.",
            (409,),
        ),
        "hosts_uncovered": Entry(
            Turn.YOU,
            "The new certificate lacks hosts that are served with the old one.",
            "Upload it as a certificate of its own, or have one issued that names these hosts.",
            (409,),
        ),
        "names_lost": Entry(
            Turn.YOU,
            "A certificate covers some of its names no more: the organization does not hold them now.",
            "Prove the domains of these names again. The certificate is then ordered with them. Or issue "
            "a certificate without them.",
        ),
        "names_not_held": Entry(
            Turn.YOU,
            "The certificate has names that the organization has not proved.",
            "Prove these names, or have a certificate issued without them.",
            (422,),
        ),
        "names_unsupported": Entry(
            Turn.YOU,
            "The certificate has names that are no host names, or none.",
            "Have a certificate issued with DNS names only.",
            (422,),
        ),
        "upload_malformed": Entry(
            Turn.YOU,
            "The upload has no certificate, or several.",
            "Give either PEM or PKCS #12.",
            (422,),
        ),
        "key_missing": Entry(
            Turn.YOU,
            "There is no private key.",
            "Give the private key that the certificate was requested with.",
            (422,),
        ),
        "password_wrong": Entry(
            Turn.YOU,
            "The password does not open the file.",
            "Check the password, and that the file is whole.",
            (422,),
        ),
        "pkcs12_malformed": Entry(
            Turn.YOU,
            "The file is no PKCS #12 file.",
            "Export it again as PKCS #12 (DER), or give PEM.",
            (422,),
        ),
        "pkcs12_slow": Entry(
            Turn.YOU,
            "Opening the file takes too much computation.",
            "Export it again with fewer rounds, or without a password.",
            (422,),
        ),
        "chain_incomplete": Entry(
            Turn.YOU,
            "A certificate of the chain is missing.",
            "Add the certificate that the message names. Whoever issued yours offers it.",
            (422,),
        ),
        "chain_untrusted": Entry(
            Turn.YOU,
            "The chain leads to no authority that visitors trust.",
            "Use a certificate of a public authority. The operator can add one with `NAMEPLATE_TRUSTED_ROOTS`.",
            (422,),
        ),
        "self_signed": Entry(
            Turn.YOU,
            "The certificate signed itself.",
            "Use a certificate that an authority issued.",
            (422,),
        ),
        "lifetime_too_long": Entry(
            Turn.YOU,
            "The certificate is valid for longer than browsers accept.",
            "Have a certificate issued for a shorter time.",
            (422,),
        ),
        "export_not_permitted": Entry(
            Turn.YOU,
            "The token may not export private keys.",
            "Use a token that was added with `--may-export-keys`.",
            (403,),
        ),
        "host_malformed": Entry(
            Turn.YOU,
            "What is to be inspected is neither a file nor a host.",
            "Give the path of a file, or HOST[:PORT].",
            (422,),
        ),
        "tls_failed": Entry(
            Turn.YOU,
            "The server presents no certificate.",
            "Check host and port, and that the server speaks TLS there.",
            (503,),
        ),
        "self_signed_served": Entry(
            Turn.OPERATOR,
            "The host is served with a certificate of the platform's own authority, which browsers do not trust.",
            "Add an account at a public authority, or upload a certificate.",
        ),
        "certificate_ending": Entry(
            Turn.NAMEPLATE,
            "The uploaded certificate ends soon, and the authority's is obtained to follow it.",
            "No action needed, or replace it by a new one of your own.",
        ),
        "host_without_address": Entry(
            Turn.YOU,
            "The host has no address in DNS yet, so that its certificate is not ordered.",
            "Point the host to its server. Nameplate checks again automatically.",
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
        "challenge_cname_missing": Entry(
            Turn.YOU,
            "The CNAME record that delegates the challenges of the certificate is not published.",
            "Publish the CNAME record. Nameplate checks again automatically.",
        ),
        "challenge_cname_elsewhere": Entry(
            Turn.YOU,
            "The CNAME record for challenges leads somewhere else than to the name's own label.",
            "Change the record to the target in the domain's instructions. Nameplate checks again automatically.",
        ),
        "challenge_name_not_resolved": Entry(
            Turn.PROVIDER,
            "The name servers of the domain do not answer for the record that delegates challenges.",
            "Check the name servers of the domain. Nameplate checks again automatically.",
        ),
        "persist_record_missing": Entry(
            Turn.YOU,
            "The TXT record that proves the name to the authority (`dns-persist-01`) is not published.",
            "Publish the TXT record in the message. Nameplate checks again automatically.",
        ),
        "persist_record_elsewhere": Entry(
            Turn.YOU,
            "The TXT record that proves the name to the authority names another account there.",
            "Publish the TXT record in the message beside it. Remove the other one unless you know whose "
            "account it is.",
        ),
        "persist_record_unfit": Entry(
            Turn.YOU,
            "The TXT record that proves the name to the authority has ended, cannot be read, or does not "
            "prove the wildcard.",
            "Replace it by the TXT record in the message. Nameplate checks again automatically.",
        ),
        "challenge_zone_missing": Entry(
            Turn.OPERATOR,
            "The platform has no zone that it can write delegated challenges to.",
            "Set `NAMEPLATE_CHALLENGE_ZONE` to a proved domain with a DNS account.",
        ),
        "challenge_zone_stopped": Entry(
            Turn.OPERATOR,
            "The platform's zone for delegated challenges cannot be written now.",
            "Check the DNS account of the domain of `NAMEPLATE_CHALLENGE_ZONE`. Nameplate keeps trying.",
        ),
        "certificate_unused": Entry(
            Turn.NAMEPLATE,
            "No binding uses the certificate any more, so that it is not obtained or renewed.",
            "No action needed. Bind an application to the host, or renew it, to have it again.",
        ),
        "profile_gone": Entry(
            Turn.YOU,
            "The authority has the certificate's profile no more, and it was renewed without.",
            "Choose another profile, or none.",
            (),
        ),
        "renewal_at_risk": Entry(
            Turn.YOU,
            "The next renewal of the certificate will fail, as it looks now.",
            "Read the finding and correct it before the renewal. Nameplate notices by itself.",
            (),
        ),
        "authority_away": Entry(
            Turn.AUTHORITY,
            "The certificate authority has failed several times in a row.",
            "Wait. Nameplate tries it again automatically.",
            (),
        ),
        "server_stopped": Entry(
            Turn.OPERATOR,
            "The server of a host cannot be configured, so that challenges may not be answered.",
            "Check the server: `nameplate server show` says what is wrong.",
            (),
        ),
        "challenge_name_is_alias": Entry(
            Turn.YOU,
            "There is a CNAME record at the name where the proof must be published.",
            "Remove the CNAME record, or remove the DNS account of the domain and delegate the "
            "challenges.",
            (),
        ),
        "challenge_leftover": Entry(
            Turn.YOU,
            "There are TXT records of another client at the name of the challenges.",
            "Remove them, unless another client needs them now.",
            (),
        ),
        "certificate_never_ordered": Entry(
            Turn.YOU,
            "An uploaded or revoked certificate is not ordered.",
            "Look at the host instead: `nameplate certificate preflight HOST`.",
            (409,),
        ),
        "replacement_advised": Entry(
            Turn.NAMEPLATE,
            "The authority wants the certificate replaced soon, and explains why on the page shown.",
            "No action needed: it is renewed in time, unless automatic renewal is off.",
            (),
        ),
        "renewal_emergency": Entry(
            Turn.OPERATOR,
            "The certificate ends soon and cannot be renewed.",
            "Correct the problem in the message now. Other authorities and challenges are tried "
            "meanwhile.",
        ),
        "deployed_partial": Entry(
            Turn.OPERATOR,
            "The current certificate is not served by every proxy.",
            "Repair the server that is named. It gets the certificate as soon as it takes it, and serves "
            "what it has until then.",
        ),
        "certificate_not_used": Entry(
            Turn.YOU,
            "No binding has used the certificate for 30 days or more.",
            "Bind an application to one of its names, or remove it. It is not renewed for ever "
            "(`NAMEPLATE_UNUSED_CERTIFICATE_DAYS`).",
        ),
        "campaign_selection_missing": Entry(
            Turn.YOU,
            "It is not said which certificates to replace.",
            "Pass `issuer`, `issued_before`, or both.",
            (422,),
        ),
        "campaign_due_invalid": Entry(
            Turn.YOU,
            "The moment until which certificates are to be replaced is over.",
            "Pass a later `due_at`.",
            (422,),
        ),
        "renewal_failing": Entry(
            Turn.OPERATOR,
            "The certificate is still valid, but its renewal fails.",
            "Correct the problem in the message before the certificate expires.",
        ),
    },
)
