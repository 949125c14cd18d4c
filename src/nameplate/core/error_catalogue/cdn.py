"""Networks in front of hosts: what goes wrong between them and the origin, and purges of their caches."""

from nameplate.core.error_catalogue.entry import Entry, Group, Turn

GROUP = Group(
    "Proxied records",
    "Hosts with a network of their DNS host in front, such as Cloudflare with proxied records.",
    {
        "cdn_redirect_loop": Entry(
            Turn.YOU,
            "The network asks the origin by plain HTTP, which the origin redirects to HTTPS.",
            "Set the SSL/TLS encryption mode of the zone at Cloudflare to Full (strict), or turn `force_https` of "
            "the binding off.",
        ),
        "cdn_plain_origin": Entry(
            Turn.YOU,
            "The network asks the origin by plain HTTP.",
            "Set the SSL/TLS encryption mode of the zone at Cloudflare to Full (strict).",
        ),
        "cdn_origin_uncertified": Entry(
            Turn.YOU,
            "The network asks the origin by HTTPS, and the origin has no certificate for the host.",
            "Turn `ssl_enabled` of the binding on, or see the condition `certificate` for what the certificate waits "
            "for.",
        ),
        "cdn_origin_untrusted": Entry(
            Turn.YOU,
            "The network does not trust the origin's certificate.",
            "Add an account at a public authority or upload a certificate, or set the SSL/TLS encryption mode of the "
            "zone at Cloudflare to Full.",
        ),
        "cdn_blocks_visitors": Entry(
            Turn.YOU,
            "The host serves some networks only, and all requests come from the network in front.",
            "Serve the host with nginx or Caddy, or have Traefik's entry points trust Cloudflare's networks "
            "(`forwardedHeaders.trustedIPs`), and ignore this. Or remove `allow_ips`.",
        ),
        "cdn_mode_unknown": Entry(
            Turn.YOU,
            "The DNS account may not read how the network asks the origin.",
            "Give the account's API token the permission Zone Settings:Read, so that Nameplate can check it.",
        ),
        "cdn_missing": Entry(
            Turn.YOU,
            "No network that Nameplate can purge is in front of the host.",
            "Name a host whose record is proxied at the domain's DNS host.",
            (409,),
        ),
        "host_not_in_domain": Entry(
            Turn.YOU,
            "The host is not in the domain.",
            "Name the domain itself or a host below it.",
            (422,),
        ),
        "purges_spent": Entry(
            Turn.YOU,
            "Too many purges of this domain were asked for.",
            "Wait for the time in `Retry-After`. Five purges and checks in ten minutes can be asked for, each "
            "with up to 50 paths.",
            (429,),
        ),
    },
)
