"""Namecheap's registrations: names, contacts, privacy, transfers, prices, and one balance."""

import itertools
import re
import xml.etree.ElementTree as ET
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

from tests.fakes import schemas
from tests.fakes.namecheap import _NS, FakeNamecheap, Refusal, _structure
from tests.fakes.server import Answer, Asked

TODAY = date(2026, 12, 1)
_DOCUMENTED = {
    "domains.getInfo": {"Status", "ExpiredDate"},
    "domains.getList": set(),
    "users.getPricing": {"Price", "RegularPrice", "YourPrice"},
}
"""Command -> what the reference documents beside what the vendor's example has."""
_ROLES = ("Registrant", "Tech", "Admin", "AuxBilling")
_NEEDED = (
    "FirstName", "LastName", "Address1", "City", "StateProvince", "PostalCode", "Country", "Phone", "EmailAddress",
)  # fmt: skip
_ORDERS = ("domains.create", "domains.renew", "domains.reactivate", "domains.transfer.create")
_PRICES = {"REGISTER": "9.99", "RENEW": "11.50", "TRANSFER": "10.50", "REACTIVATE": "85.00"}


def shown(at: date) -> str:
    """Return a date as Namecheap writes it."""
    return f"{at:%m/%d/%Y}"


def _node(above: ET.Element, tag: str, **attributes: str) -> ET.Element:
    return ET.SubElement(above, tag, attributes)


class FakeNamecheapNames(FakeNamecheap):
    """Names of the account in `state`; `others` belong to somebody else."""

    def __init__(self, *names: str) -> None:
        """Own `names`, each for a year and 200 days more."""
        super().__init__()
        self._fixtures = schemas.require("namecheap-official") / "fixtures"
        self.reference = (self._fixtures.parent / "namecheap-api-v2.md").read_text()
        self.others = {"taken.com", "premium-taken.com"}
        self.premium = {"premium.com": ("120.00", "0")}
        """Name -> price of one year, and EapFee."""
        self.balance = Decimal("500.00")
        self.transfers: dict[str, dict[str, str]] = {}
        self.charges: list[tuple[str, str, Decimal]] = []
        self.error: tuple[str, str] | None = None
        self._orders = itertools.count(9000)
        for name in names:
            self.own(name)

    def own(
        self, name: str, *, created: date = date(2024, 6, 2), expires: date = date(2027, 6, 19)
    ) -> dict[str, Any]:
        """Have a name in the account."""
        self.state[name] = {
            "id": str(next(self._ids)), "created": created, "expires": expires, "locked": True,
            "auto": False, "privacy": str(next(self._ids)), "hidden": True, "contact": {},
            "servers": ["dns1.registrar-servers.com", "dns2.registrar-servers.com"],
        }  # fmt: skip
        row: dict[str, Any] = self.state[name]
        return row

    def finish_transfers(self) -> None:
        """Let every name arrive that is on its way."""
        for one in self.transfers.values():
            one["status"] = "Transfer completed"
            self.others.discard(one["name"])
            if one["name"] not in self.state:
                self.own(one["name"])

    def is_write(self, asked: Asked) -> bool:
        form = dict(parse_qsl(asked.body.decode()))
        return form.get("Command", "").removeprefix("namecheap.") in _ORDERS

    def commands(self) -> list[str]:
        """Return the commands that came, in order."""
        forms = (dict(parse_qsl(one.body.decode())) for one in self.asked)
        return [one["Command"].removeprefix("namecheap.") for one in forms]

    def _routed(self, form: dict[str, str]) -> Answer:
        if self.is_revoked or form["ApiKey"] != self.credential:
            raise Refusal("1011102", "API Key is invalid or API access has not been enabled")
        if self.error is not None:
            raise Refusal(*self.error)
        command = form["Command"].removeprefix("namecheap.")
        self._check_names(command, form)
        result = ET.Element("CommandResponse", Type=form["Command"])
        handler: Callable[[ET.Element, dict[str, str]], None]
        handler = getattr(self, "_" + command.lower().replace(".", "_"))
        handler(result, form)
        return self._finished(command, result)

    def _check_names(self, command: str, form: dict[str, str]) -> None:
        """Hold every parameter against the vendor's reference."""
        heading = re.search(
            rf"### namecheap\.{re.escape(command)}\n(.*?)\n---",
            self.reference,
            re.DOTALL | re.IGNORECASE,
        )
        assert heading, f"no such command: {command}"
        usual = {"ApiUser", "UserName", "ClientIp", "ApiKey", "Command"}
        for name in form.keys() - usual:
            plain = re.sub(f"^({'|'.join(_ROLES)})", "Registrant", name)
            documented = {name, plain} | (
                {"RegistrantAddress1"}
                if plain in {"RegistrantAddress2", "RegistrantOrganizationName"}
                else set()
            )
            assert any(f"| {one} |" in heading[1] for one in documented), f"{command}: {name}"

    def _mine(self, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        name = form.get("DomainName") or f"{form['SLD']}.{form['TLD']}"
        if name in self.others:
            raise Refusal("2016166", f"Domain {name} is not associated with your account")
        if name not in self.state:
            raise Refusal("2019166", f"Domain name not found: {name}")
        return name, self.state[name]

    def _charge(self, act: str, name: str, price: Decimal) -> dict[str, str]:
        if price > self.balance:
            raise Refusal("2528166", "Order creation failed: insufficient funds")
        self.balance -= price
        number = str(next(self._orders))
        self.charges.append((act, name, price))
        return {"ChargedAmount": f"{price:.2f}", "OrderID": number, "TransactionID": f"1{number}"}

    def _price(self, act: str, name: str, form: dict[str, str]) -> Decimal:
        years = int(form.get("Years", "1"))
        if name not in self.premium:
            assert "PremiumPrice" not in form
            return Decimal(_PRICES[act]) * years
        price, early = map(Decimal, self.premium[name])
        if form.get("IsPremiumDomain") != "true" or Decimal(form.get("PremiumPrice", "0")) != price:
            raise Refusal("2011170", "Premium price is not what the name costs")
        return (price + Decimal("0.18")) * years + early

    def _domains_gettldlist(self, result: ET.Element, _form: dict[str, str]) -> None:
        listed = _node(result, "Tlds")
        for name in ("com", "net", "io"):
            years = {
                f"{side}{act}Years": number
                for act in ("Register", "Renew", "Transfer")
                for side, number in (("Min", "1"), ("Max", "1" if act == "Transfer" else "10"))
            }
            flags = dict.fromkeys(
                ("IsApiRegisterable", "IsApiRenewable", "IsApiTransferable"),
                str(name != "io").lower(),
            )
            _node(
                listed,
                "Tld",
                Name=name,
                NonRealTimeDomain=str(name == "net").lower(),
                IsEppRequired="true",
                **years,
                **flags,
            ).text = name

    def _domains_check(self, result: ET.Element, form: dict[str, str]) -> None:
        names = form["DomainList"].split(",")
        if len(names) > 50:
            raise Refusal("2011169", "Only 50 domains allowed in a single check command")
        for name in names:
            price, early = self.premium.get(name, ("0", "0"))
            _node(
                result, "DomainCheckResult", Domain=name, ErrorNo="0", Description="",
                Available=str(name not in self.others and name not in self.state).lower(),
                IsPremiumName=str(name in self.premium).lower(), PremiumRegistrationPrice=price,
                PremiumRenewalPrice=price, PremiumRestorePrice=price, PremiumTransferPrice=price,
                IcannFee="0.18" if name in self.premium else "0", EapFee=early,
            )  # fmt: skip

    def _domains_create(self, result: ET.Element, form: dict[str, str]) -> None:
        name = form["DomainName"]
        for role in _ROLES:
            for field in _NEEDED:
                if not form.get(role + field):
                    raise Refusal("2010323", f"{role}{field} is missing")
        if not re.fullmatch(r"\+\d+\.\d+", form["RegistrantPhone"]):
            raise Refusal("2015182", "The contact phone is invalid")
        if name in self.others or name in self.state:
            raise Refusal("3019166", f"Domain {name} not available")
        told = self._charge("REGISTER", name, self._price("REGISTER", name, form))
        is_slow = name.endswith(".net")
        if not is_slow:
            row = self.own(
                name, created=TODAY, expires=TODAY.replace(year=TODAY.year + int(form["Years"]))
            )
            row["contact"] = form
            if "Nameservers" in form:
                row["servers"] = form["Nameservers"].split(",")
        _node(
            result, "DomainCreateResult", Domain=name, Registered="true", DomainID="1", WhoisguardEnable="true",
            NonRealTimeDomain=str(is_slow).lower(), **told,
        )  # fmt: skip

    def _domains_renew(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._mine(form)
        if row["expires"] < TODAY:
            raise Refusal("2020166", "Domain has expired. Please reactivate your domain.")
        told = self._charge("RENEW", name, self._price("RENEW", name, form))
        row["expires"] = row["expires"].replace(year=row["expires"].year + int(form["Years"]))
        node = _node(
            result, "DomainRenewResult", DomainName=name, DomainID=row["id"], Renew="true", **told
        )
        details = _node(node, "DomainDetails")
        _node(details, "ExpiredDate").text = shown(row["expires"])
        _node(details, "NumYears").text = "0"

    def _domains_reactivate(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._mine(form)
        if row["expires"] >= TODAY:
            raise Refusal("2020166", "Domain does not meet the expiration date for reactivation")
        told = self._charge("REACTIVATE", name, self._price("REACTIVATE", name, form))
        row["expires"] = row["expires"].replace(year=row["expires"].year + 1)
        _node(result, "DomainReactivateResult", Domain=name, IsSuccess="true", **told)

    def _domains_getinfo(self, result: ET.Element, form: dict[str, str]) -> None:
        if form["DomainName"] in self.others:
            raise Refusal("2016166", "Domain is not associated with your account")
        name, row = self._mine(form)
        state = "Expired" if row["expires"] < TODAY else "Ok"
        node = _node(
            result,
            "DomainGetInfoResult",
            Status=state,
            ID=row["id"],
            DomainName=name,
            OwnerName="user",
            IsOwner="true",
            IsPremium="false",
        )
        dates = _node(node, "DomainDetails")
        _node(dates, "CreatedDate").text = shown(row["created"])
        _node(dates, "ExpiredDate").text = shown(row["expires"])
        _node(dates, "NumYears").text = "0"
        _node(node, "LockDetails")
        _node(_node(node, "Whoisguard", Enabled=str(row["hidden"])), "ID").text = row["privacy"]
        dns = _node(
            node,
            "DnsDetails",
            ProviderType="CUSTOM",
            IsUsingOurDNS="false",
            HostCount="0",
            EmailType="No Email Service",
            DynamicDNSStatus="false",
            IsFailover="false",
        )
        for server in row["servers"]:
            _node(dns, "Nameserver").text = self.written(server)

    def _domains_getlist(self, result: ET.Element, form: dict[str, str]) -> None:
        listed = _node(result, "DomainGetListResult")
        names = [name for name in sorted(self.state) if form.get("SearchTerm", "") in name]
        for name in self.paged(names, int(form["Page"]), int(form["PageSize"])):
            row = self.state[name]
            _node(
                listed, "Domain", ID=row["id"], Name=name, User="user", Created=shown(row["created"]),
                Expires=shown(row["expires"]), IsExpired=str(row["expires"] < TODAY).lower(),
                IsLocked=str(row["locked"]).lower(), AutoRenew=str(row["auto"]).lower(),
                WhoisGuard="ENABLED" if row["hidden"] else "NOTPRESENT", IsPremium="false", IsOurDNS="false",
            )  # fmt: skip
        self._paging(result, len(names), form)

    def _paging(self, result: ET.Element, total: int, form: dict[str, str]) -> None:
        paging = _node(result, "Paging")
        for tag, value in (
            ("TotalItems", str(total)),
            ("CurrentPage", form["Page"]),
            ("PageSize", form["PageSize"]),
        ):
            _node(paging, tag).text = value

    def _domains_setregistrarlock(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._mine(form)
        row["locked"] = {"LOCK": True, "UNLOCK": False}[form["LockAction"]]
        _node(result, "DomainSetRegistrarLockResult", Domain=name, IsSuccess="true")

    def _domains_setcontacts(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._mine(form)
        row["contact"] = form
        _node(result, "DomainSetContactResult", Domain=name, IsSuccess="true")

    def _domains_getcontacts(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._mine(form)
        node = _node(
            result, "DomainContactsResult", Domain=name, domainnameid=row["id"], Readonly="false"
        )
        registrant = _node(node, "Registrant")
        told = {"EmailAddress": "owner@example.com"}
        for field in (*_NEEDED, "OrganizationName", "Address2"):
            told[field] = row["contact"].get(f"Registrant{field}", told.get(field, ""))
        for field, text in told.items():
            _node(registrant, field).text = text

    def _domains_dns_setcustom(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._mine(form)
        row["servers"] = form["Nameservers"].split(",")
        _node(result, "DomainDNSSetCustomResult", Domain=name, Updated="true")

    def _domains_dns_setdefault(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._mine(form)
        row["servers"] = ["dns1.registrar-servers.com", "dns2.registrar-servers.com"]
        _node(result, "DomainDNSSetDefaultResult", Domain=name, Updated="true")

    def _domains_transfer_create(self, result: ET.Element, form: dict[str, str]) -> None:
        name = form["DomainName"]
        if form["EPPCode"] != "right-code":
            raise Refusal("2011166", "EPP code is invalid")
        told = self._charge("TRANSFER", name, self._price("TRANSFER", name, form))
        number = str(next(self._ids))
        self.transfers[number] = {
            "name": name,
            "status": "Transfer in progress",
            "order": told["OrderID"],
        }
        _node(
            result,
            "DomainTransferCreateResult",
            DomainName=name,
            TransferID=number,
            StatusID="11",
            **told,
        )

    def _domains_transfer_getstatus(self, result: ET.Element, form: dict[str, str]) -> None:
        number = form["TransferID"]
        status = self.transfers[number]["status"]
        _node(
            result, "DomainTransferGetStatusResult", TransferID=number, StatusID="5", Status=status
        )

    def _domains_transfer_getlist(self, result: ET.Element, form: dict[str, str]) -> None:
        node = _node(result, "TransferGetListResult")
        for number, one in self.transfers.items():
            _node(
                node,
                "Transfer",
                TransferID=number,
                DomainName=one["name"],
                User="user",
                TransferDate=shown(TODAY),
                OrderID=one["order"],
                StatusID="5",
                Status=one["status"],
            )
        self._paging(result, len(self.transfers), form)

    def _users_getpricing(self, result: ET.Element, form: dict[str, str]) -> None:
        kind = _node(_node(result, "UserGetPricingResult"), "ProductType", Name="domains")
        category = _node(kind, "ProductCategory", Name=form["ActionName"].lower())
        product = _node(category, "Product", Name=form["ProductName"])
        price = _PRICES[form["ActionName"]]
        _node(
            product,
            "Price",
            Duration="1",
            DurationType="YEAR",
            Price="",
            RegularPrice="99.00",
            YourPrice=price,
            Currency="USD",
        )

    def _users_getbalances(self, result: ET.Element, _form: dict[str, str]) -> None:
        _node(
            result,
            "UserGetBalancesResult",
            Currency="USD",
            AvailableBalance=f"{self.balance:,.2f}",
            AccountBalance=f"{self.balance:,.2f}",
            EarnedAmount="0.00",
            WithdrawableAmount="0.00",
            FundsRequiredForAutoRenew="0.00",
        )

    def _guard(self, form: dict[str, str]) -> tuple[str, dict[str, Any]]:
        return next(
            (name, row)
            for name, row in self.state.items()
            if row["privacy"] == form["WhoisguardID"]
        )

    def _whoisguard_enable(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._guard(form)
        assert "@" in form["ForwardedToEmail"]
        row["hidden"] = True
        _node(result, "WhoisguardEnableResult", DomainName=name, IsSuccess="true")

    def _whoisguard_disable(self, result: ET.Element, form: dict[str, str]) -> None:
        name, row = self._guard(form)
        row["hidden"] = False
        _node(result, "WhoisguardDisableResult", DomainName=name, IsSuccess="true")

    def _finished(self, command: str, result: ET.Element) -> Answer:
        """Finish an answer and compare its structure with the vendor's own example and reference."""
        root = ET.Element("ApiResponse", Status="OK")
        _node(root, "Errors")
        root.append(result)
        root.set("xmlns", _NS)
        body = ET.tostring(root, encoding="utf-8", xml_declaration=True)
        path = self._fixtures / f"{command.replace('.', '_')}.xml"
        allowed = _structure(ET.fromstring(path.read_bytes()))
        extra = _DOCUMENTED.get(command, set())
        assert all(one in self.reference for one in extra)
        for at, names in _structure(ET.fromstring(body)).items():
            element = at.rpartition("}")[2]
            known = allowed.get(at, set() if element in extra else None)
            assert known is not None, f"{at}: the example has no such element"
            assert names - extra <= known <= names | extra, f"{at} {names}: the example has {known}"
        return Answer(200, body, {"content-type": "text/xml; charset=utf-8"})
