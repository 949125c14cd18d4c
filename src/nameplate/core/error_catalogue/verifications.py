"""Verifications: their error codes."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Verifications",
    "Results of one check of a proof of control. Nameplate checks again automatically until "
    "the verification ends.",
    {
        "verification_not_found": Entry(
            Turn.YOU,
            "There is no such verification.",
            "List the domain's verifications and use an id from there.",
            (404,),
        ),
        "verification_over": Entry(
            Turn.YOU,
            "This verification has ended and is no longer checked.",
            "Add a new verification and publish its new value.",
            (409,),
        ),
        "lapsed": Entry(
            Turn.YOU,
            "The proof has been lost for longer than the grace, so the name is out of service. It is "
            "kept for its holder for some time.",
            "Publish the proof again, or add a verification and publish its new token.",
            (),
        ),
        "proof_lost": Entry(
            Turn.YOU,
            "The proof is not published any more. The name stays in service for the grace.",
            "Publish the proof again before the date in the message.",
            (),
        ),
        "new_token_needed": Entry(
            Turn.YOU,
            "The name servers or the registration changed since the proof, and a new owner may have "
            "copied the old record.",
            "Publish the new token before the date in the message.",
            (),
        ),
        "proof_not_seen": Entry(
            Turn.NAMEPLATE,
            "The last check could not see the proof of a proved name. That counts for nothing.",
            "Wait. Nameplate checks again. If it persists, check the name servers of the zone.",
            (),
        ),
        "points_elsewhere": Entry(
            Turn.YOU,
            "The addresses of a name in service are no servers of the platform.",
            "Point the name to its server, unless something in front of it passes requests on.",
            (),
        ),
        "token_from_before": Entry(
            Turn.YOU,
            "The name was released since the token was issued, so records from before prove nothing.",
            "Publish the new token, which the domain shows.",
            (409,),
        ),
        "quarantine_needs_dns": Entry(
            Turn.YOU,
            "The name was in use on this platform and may still point here, so what its web server "
            "answers proves nothing.",
            "Add a verification by `dns_txt`, and publish its record.",
            (409,),
        ),
        "checks_spent": Entry(
            Turn.YOU,
            "A person asked for too many checks of this domain.",
            "Wait for the time in `Retry-After`, or for the next check that Nameplate makes by "
            "itself. Five checks in ten minutes can be asked for.",
            (429,),
        ),
        "method_unknown": Entry(
            Turn.YOU,
            "The verification method is unknown.",
            "Use one of the methods that `nameplate account providers --kind proof` lists.",
            (422, 502),
        ),
        "method_not_available": Entry(
            Turn.YOU,
            "The operator has not set up this verification method.",
            "Use `dns_txt` or `file_upload`, or ask the operator of the platform.",
            (422,),
        ),
        "wildcard_needs_dns": Entry(
            Turn.YOU,
            "A wildcard can only be proved by DNS.",
            "Use `dns_txt` for a domain and `dns-01` for a certificate.",
            (422, 502),
        ),
        "txt_absent": Entry(
            Turn.YOU,
            "There is no TXT record at the expected name yet.",
            "Publish the TXT record exactly as the instructions show it, then wait or check again.",
        ),
        "txt_mismatch": Entry(
            Turn.YOU,
            "There is a TXT record at the expected name, but with another value.",
            "Compare the value character by character: no quotes, no spaces, nothing missing.",
        ),
        "txt_at_doubled_name": Entry(
            Turn.YOU,
            "The record was created at a name that ends with the zone twice.",
            "Enter only the host part of the name. The DNS provider appends the zone "
            "automatically.",
        ),
        "txt_at_wrong_name": Entry(
            Turn.YOU,
            "The value was found at another name.",
            "Move the record to the name that the instructions show.",
        ),
        "servers_disagree": Entry(
            Turn.PROVIDER,
            "Some of the zone's name servers publish the record and others do not.",
            "Wait until the DNS provider has updated every server. If it persists, ask the "
            "provider.",
        ),
        "dnssec_unknown": Entry(
            Turn.OPERATOR,
            "Whether the answer withstands DNSSEC could not be determined.",
            "Check that the workers reach the name servers of the root, of the top-level domain and of "
            "the zone at port 53, by UDP and TCP.",
        ),
        "vantages_unreachable": Entry(
            Turn.OPERATOR,
            "Too few of the platform's vantages could be asked.",
            "Check that `nameplate vantage` runs at each place, that the workers reach it, and that the "
            "secret and the clock are the same.",
        ),
        "vantages_disagree": Entry(
            Turn.PROVIDER,
            "Other places of the Internet see other records than the platform.",
            "Wait until the DNS provider has updated every server. If it persists, ask the provider "
            "whether answers depend on where they are asked for.",
        ),
        "servers_unreachable": Entry(
            Turn.PROVIDER,
            "Too few of the zone's name servers answered.",
            "Check that the name is registered and that its name servers work.",
        ),
        "cname_absent": Entry(
            Turn.YOU,
            "There is no CNAME record at the expected name yet.",
            "Publish the CNAME record exactly as the instructions show it, then wait or check again.",
        ),
        "cname_mismatch": Entry(
            Turn.YOU,
            "There is a CNAME record at the expected name, but with another target.",
            "Compare the target character by character. Remove what the DNS provider appended to it.",
        ),
        "cname_at_doubled_name": Entry(
            Turn.YOU,
            "The record was created at a name that ends with the zone twice.",
            "Enter only the host part of the name. The DNS provider appends the zone "
            "automatically.",
        ),
        "cname_at_wrong_name": Entry(
            Turn.YOU,
            "The target was found at another name.",
            "Move the record to the name that the instructions show.",
        ),
        "answered_by_platform": Entry(
            Turn.YOU,
            "The name points to this platform, whose own answer proves nothing.",
            "Prove the domain with `dns_txt` instead.",
        ),
        "file_not_found": Entry(
            Turn.YOU,
            "The web server has no file at the expected path.",
            "Serve the file at the path that the instructions show, over http or https.",
        ),
        "file_status": Entry(
            Turn.YOU,
            "The web server did not answer with status 200.",
            "Serve the file at the path with status 200, without login or blocking.",
        ),
        "file_mismatch": Entry(
            Turn.YOU,
            "The content at the path is not the expected text.",
            "Serve only the expected text, as plain text and not as a page.",
        ),
        "file_no_address": Entry(
            Turn.YOU,
            "The name has no A or AAAA record, so its web server cannot be reached.",
            "Publish an address for the name, or use `dns_txt`.",
        ),
        "file_address_refused": Entry(
            Turn.YOU,
            "The name has an address that is not on the public Internet.",
            "Remove private addresses from the name's A and AAAA records, or use `dns_txt`.",
        ),
        "file_unreachable": Entry(
            Turn.YOU,
            "The web server cannot be reached.",
            "Open port 80 or 443 to the Internet, correct the A and AAAA records, and check again.",
        ),
        "file_timeout": Entry(
            Turn.YOU,
            "The web server took too long.",
            "Make sure that the path answers within seconds, then check again.",
        ),
        "file_tls_failed": Entry(
            Turn.YOU,
            "The TLS handshake with the web server failed.",
            "Serve the file over http, or correct the server's TLS.",
        ),
        "file_malformed": Entry(
            Turn.YOU,
            "The server at the address does not speak HTTP.",
            "Check which program listens on the port, and serve the file over HTTP.",
        ),
        "file_encoded": Entry(
            Turn.YOU,
            "The file was sent compressed, which was not requested.",
            "Serve the file without `Content-Encoding`.",
        ),
        "file_redirect_refused": Entry(
            Turn.YOU,
            "The web server redirects to another site, port or scheme.",
            "Serve the file at its path without a redirect.",
        ),
        "file_too_many_redirects": Entry(
            Turn.YOU,
            "The web server redirects in a loop or too often.",
            "Serve the file at its path without a redirect.",
        ),
        "page_no_address": Entry(
            Turn.YOU,
            "The name has no A or AAAA record, so its web server cannot be reached.",
            "Publish an address for the name, or use `dns_txt`.",
        ),
        "page_address_refused": Entry(
            Turn.YOU,
            "The name has an address that is not on the public Internet.",
            "Remove private addresses from the name's A and AAAA records, or use `dns_txt`.",
        ),
        "page_unreachable": Entry(
            Turn.YOU,
            "The web server cannot be reached.",
            "Open port 443 or 80 to the Internet, correct the A and AAAA records, and check again.",
        ),
        "page_timeout": Entry(
            Turn.YOU,
            "The web server took too long.",
            "Make sure that the first page answers within seconds, then check again.",
        ),
        "page_tls_failed": Entry(
            Turn.YOU,
            "The TLS handshake with the web server failed.",
            "Correct the server's TLS, or serve the page over http.",
        ),
        "page_malformed": Entry(
            Turn.YOU,
            "The server at the address does not speak HTTP.",
            "Check which program listens on the port, and serve the page over HTTP.",
        ),
        "page_encoded": Entry(
            Turn.YOU,
            "The page was sent compressed, which was not requested.",
            "Serve the page without `Content-Encoding` to clients that ask for `identity`.",
        ),
        "page_redirect_refused": Entry(
            Turn.YOU,
            "The first page is a redirect, which is not followed.",
            "Serve the page with the tag at `/` of exactly this host, or use `dns_txt`.",
        ),
        "page_status": Entry(
            Turn.YOU,
            "The web server did not answer with status 200.",
            "Serve the first page with status 200, without login or blocking.",
        ),
        "page_not_html": Entry(
            Turn.YOU,
            "The first page is not sent as HTML.",
            "Serve the page with the header `Content-Type: text/html`.",
        ),
        "tag_absent": Entry(
            Turn.YOU,
            "The head of the first page does not have the tag yet.",
            "Add the tag to the `<head>` of the page exactly as the instructions show it.",
        ),
        "tag_mismatch": Entry(
            Turn.YOU,
            "The tag is there, but with another content.",
            "Compare the content character by character. An older token does not count.",
        ),
        "tag_no_head": Entry(
            Turn.YOU,
            "The page has no `<head>` tag before everything else.",
            "Begin the page with `<!doctype html>`, `<html>` and `<head>`, and put the tag there.",
        ),
        "mail_awaited": Entry(
            Turn.YOU,
            "A code was sent to the owner of the name.",
            "Ask the owner for the code and confirm the verification with it within 24 hours.",
        ),
        "mail_uncertain": Entry(
            Turn.YOU,
            "It is not known whether the message with the code was sent.",
            "Look for the message. If it does not arrive, add a new verification.",
        ),
        "mail_delayed": Entry(
            Turn.NAMEPLATE,
            "Few messages are sent for one name, and this one waits its turn.",
            "Wait, or prove the domain with `dns_txt`.",
        ),
        "mail_failed": Entry(
            Turn.OPERATOR,
            "The operator's mail server cannot be used or did not take the message yet.",
            "Wait: Nameplate tries again. If it persists, the operator must check the mail server.",
            (503,),
        ),
        "mail_refused": Entry(
            Turn.YOU,
            "The mail server refused every address of the owner.",
            "Create one of the addresses or name a contact in the zone, then add a new verification; or use `dns_txt`.",
        ),
        "mail_void": Entry(
            Turn.YOU,
            "A wrong code was entered too often.",
            "Add a new verification, which sends another code.",
        ),
        "mail_expired": Entry(
            Turn.YOU,
            "The code was not entered within 24 hours.",
            "Add a new verification, which sends another code.",
        ),
        "mail_unconfirmed": Entry(
            Turn.YOU,
            "No code was entered yet.",
            "Confirm the verification with the code of the message.",
        ),
        "code_wrong": Entry(
            Turn.YOU,
            "The code is not the one of the message.",
            "Compare the code with the message. After five wrong codes, add a new verification.",
            (422,),
        ),
        "code_expired": Entry(
            Turn.YOU,
            "No code of this verification can be entered any more.",
            "Add a new verification, which sends another code.",
            (409,),
        ),
        "code_not_expected": Entry(
            Turn.YOU,
            "No code was sent for this verification.",
            "Codes belong to the method `email`. A message may take a minute to be sent.",
            (409,),
        ),
    },
)
