"""The methods by which names are proved, and what they reach the world by."""

from collections.abc import Iterator, Mapping

from nameplate.adapters.verification.unavailable import NotAvailable
from nameplate.bootstrap.first_use import on_first_use
from nameplate.bootstrap.looks import ports
from nameplate.core import configuration
from nameplate.core.egress import EgressPolicy
from nameplate.core.errors import Invalid
from nameplate.models import VerificationMethodName
from nameplate.ports.fetcher import Fetcher
from nameplate.ports.mail import Mailer
from nameplate.ports.resolver import Resolver
from nameplate.ports.verification import Outside, ProofMethodPlugin, VerificationMethod
from nameplate.registry import Registry
from nameplate.settings import Settings


def outside(settings: Settings, policy: EgressPolicy, resolver: Resolver) -> Outside:
    """Return by what proof methods reach the world."""

    def connect() -> Fetcher:
        from nameplate.adapters.http.fetch import SafeFetcher

        return SafeFetcher(policy, resolver.addresses, ports=ports(settings))

    fetcher = on_first_use(connect)
    return Outside(resolver, fetcher, settings.edge_networks, _mailer(settings))


def _mailer(settings: Settings) -> Mailer | None:
    if settings.smtp_host is None:
        return None
    if settings.mail_sender is None:
        raise Invalid("setting_missing", "smtp_host needs mail_sender: mail comes from an address")
    from nameplate.adapters.smtp import MailServer, SmtpMailer

    security = settings.smtp_security
    return SmtpMailer(
        MailServer(
            host=settings.smtp_host,
            port=settings.smtp_port or (465 if security == "tls" else 587),
            security=security,
            sender=settings.mail_sender,
            user=settings.smtp_user,
            password=settings.smtp_password,
        )
    )


class Methods(Mapping[VerificationMethodName, VerificationMethod]):
    """The proof methods, each connected when it is first used: one that is broken hides no other."""

    def __init__(
        self, plugins: Registry[ProofMethodPlugin], settings: Settings, outside: Outside
    ) -> None:
        self._plugins, self._settings, self._outside = plugins, settings, outside
        self._made: dict[VerificationMethodName, VerificationMethod] = {}

    def __getitem__(self, name: VerificationMethodName) -> VerificationMethod:
        if name not in self._made:
            self._made[name] = self._make(VerificationMethodName(name))
        return self._made[name]

    def __iter__(self) -> Iterator[VerificationMethodName]:
        return iter(VerificationMethodName)

    def __len__(self) -> int:
        return len(VerificationMethodName)

    def _make(self, name: VerificationMethodName) -> VerificationMethod:
        available = [one for one in VerificationMethodName if one in self._plugins.names()]
        if name not in available:
            return NotAvailable(name, available)
        plugin, told = self._plugins.get(name), self._settings.proof_methods.get(name, {})
        config = configuration.load(plugin.configuration, told)
        lacking = plugin.lacks(config, self._outside)
        if lacking is not None:
            usable = [one for one in available if one in {"dns_txt", "file_upload"}]
            return NotAvailable(name, usable, lacking)
        return plugin.connect(config, self._outside)
