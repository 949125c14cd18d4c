"""Services whose customers' addresses strangers can take, and how a free one answers.

Targets and texts are from can-i-take-over-xyz (github.com/EdOverflow/can-i-take-over-xyz, commit
5bd4e128, Creative Commons Attribution 4.0), brought into this form: of its entries those are here
that are called vulnerable or an edge case and can be told from a site that works. Targets that it
does not name are common knowledge of the field; without a target no page is judged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

from nameplate.core.names import is_within

Text = tuple[str, ...]
"""Pieces that follow each other in a page, with anything between them."""


@dataclass(frozen=True, slots=True)
class TakeableService:
    """One service, where its customers' names lead, and what it says of a free one."""

    name: str
    targets: tuple[str, ...]
    """Names at or below which a target is the service's; or addresses."""
    texts: tuple[Text, ...] = ()
    """Any of these in the page; empty: the target itself does not exist."""
    is_certain: bool = True
    """False: the service asks newcomers for a proof in some cases."""

    def serves(self, target: str) -> bool:
        """Tell whether a CNAME's target or an address is the service's."""
        if _is_address(target):
            return target in self.targets
        return any(is_within(target, one) for one in self.targets if not _is_address(one))

    def disowns(self, page: str) -> bool:
        """Tell whether a page is the one that the service shows for a free name."""
        return any(_follows(page, text) for text in self.texts)


def of(targets: Iterable[str]) -> TakeableService | None:
    """Return the service at one of these targets, None when no known one is."""
    there = list(targets)
    return next((one for one in SERVICES for target in there if one.serves(target)), None)


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _follows(page: str, text: Text) -> bool:
    at = 0
    for piece in text:
        at = page.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


SERVICES: tuple[TakeableService, ...] = (
    TakeableService("AWS Elastic Beanstalk", ("elasticbeanstalk.com",)),
    TakeableService(
        "Microsoft Azure",
        (
            "cloudapp.net", "cloudapp.azure.com", "azurewebsites.net", "blob.core.windows.net",
            "azure-api.net", "azurehdinsight.net", "azureedge.net", "azurecontainer.io",
            "database.windows.net", "azuredatalakestore.net", "search.windows.net", "azurecr.io",
            "redis.cache.windows.net", "servicebus.windows.net", "visualstudio.com",
        ),
    ),
    TakeableService("Discourse", ("trydiscourse.com",)),
    TakeableService("AWS S3", ("s3.amazonaws.com",), (("The specified bucket does not exist",),)),
    TakeableService("Agile CRM", ("agilecrm.com",), (("Sorry, this page is no longer available.",),)),
    TakeableService("Airee.ru", ("airee.ru",), (("Ошибка 402. Сервис Айри.рф не оплачен",),)),
    TakeableService(
        "Anima", ("animaapp.io",), (("The page you were looking for does not exist.",),)
    ),
    TakeableService("Bitbucket", ("bitbucket.io",), (("Repository not found",),)),
    TakeableService("Gemfury", ("furyns.com",), (("404: This page could not be found.",),)),
    TakeableService(
        "Ghost",
        ("ghost.io",),
        (("Site unavailable.",), ("Failed to resolve DNS path for this host",)),
    ),
    TakeableService("HatenaBlog", ("hatenablog.com",), (("404 Blog is not found",),)),
    TakeableService(
        "Help Juice", ("helpjuice.com",), (("We could not find what you're looking for.",),)
    ),
    TakeableService(
        "Help Scout", ("helpscoutdocs.com",), (("No settings were found for this company:",),)
    ),
    TakeableService(
        "JetBrains YouTrack", ("youtrack.cloud",), (("is not a registered InCloud YouTrack",),)
    ),
    TakeableService(
        "Ngrok", ("ngrok.io", "ngrok-cname.com"), (("Tunnel ", ".ngrok.io not found"),)
    ),
    TakeableService(
        "Readme.io",
        ("readme.io",),
        (("The creators of this project are still working on making everything perfect!",),),
    ),
    TakeableService(
        "SmartJobBoard",
        ("52.16.160.97",),
        (("This job board website is either expired or its domain name is invalid.",),),
    ),
    TakeableService("Strikingly", ("s.strikinglydns.com",), (("PAGE NOT FOUND.",),)),
    TakeableService("Surge.sh", ("surge.sh",), (("project not found",),)),
    TakeableService("SurveySparrow", ("surveysparrow.com",), (("Account not found.",),)),
    TakeableService(
        "Uberflip", ("read.uberflip.com",), (("The URL you've accessed does not provide a hub.",),)
    ),
    TakeableService("Uptimerobot", ("stats.uptimerobot.com",), (("page not found",),)),
    TakeableService(
        "WordPress.com", ("wordpress.com",), (("Do you want to register ", ".wordpress.com?"),)
    ),
    TakeableService(
        "Worksites",
        ("worksites.net", "69.164.223.206"),
        (("Hello! Sorry, but the website you&rsquo;re looking for doesn&rsquo;t exist.",),),
    ),
    TakeableService("Pantheon", ("pantheonsite.io",), (("404 error unknown site!",),)),
    TakeableService(
        "Read the Docs",
        ("readthedocs.io",),
        (("The link you have followed or the URL that you entered does not exist.",),),
    ),
    TakeableService("Pingdom", ("stats.pingdom.com",), (("Sorry, couldn't find the status page",),)),
    TakeableService("Short.io", ("short.io",), (("Link does not exist",),)),
    TakeableService(
        "GitHub Pages",
        ("github.io",),
        (("There isn't a GitHub Pages site here.",),),
        is_certain=False,
    ),
    TakeableService("Heroku", ("herokudns.com", "herokuapp.com"), (("No such app",),), is_certain=False),
    TakeableService(
        "Netlify", ("netlify.app", "netlify.com"), (("Not Found - Request ID:",),), is_certain=False
    ),
    TakeableService(
        "Shopify",
        ("myshopify.com",),
        (("Sorry, this shop is currently unavailable.",),),
        is_certain=False,
    ),
    TakeableService(
        "Tumblr",
        ("domains.tumblr.com",),
        (("Whatever you were looking for doesn't currently exist at this address",),),
        is_certain=False,
    ),
    TakeableService(
        "Vercel",
        ("vercel-dns.com", "vercel.app", "vercel.com"),
        (("DEPLOYMENT_NOT_FOUND",),),
        is_certain=False,
    ),
    TakeableService(
        "Webflow",
        ("proxy-ssl.webflow.com", "proxy.webflow.com"),
        (("The page you are looking for doesn't exist or has been moved.",),),
        is_certain=False,
    ),
    TakeableService(
        "Wix",
        ("wixdns.net",),
        (("Looks Like This Domain Isn't Connected To A Website Yet!",),),
        is_certain=False,
    ),
)  # fmt: skip
"""The most certain first: a name is the first one's that it leads to."""
