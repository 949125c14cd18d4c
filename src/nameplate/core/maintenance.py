"""What a visitor is told while the application of a host takes no connection or does not answer."""

PATH = "/.well-known/nameplate/unavailable"
"""Where Nameplate itself answers with the page, for a proxy that has none of its own."""
STATUS = 503
"""RFC 9110 section 15.6.4."""
RETRY_AFTER = "30"
"""Seconds, as the header `Retry-After` says them."""
MEDIA_TYPE = "text/html"
PAGE = (
    "<!doctype html><html lang=en><meta charset=utf-8><title>Unavailable</title>"
    "<h1>This site is not available at the moment.</h1><p>Please try again in a minute.</p></html>\n"
)
