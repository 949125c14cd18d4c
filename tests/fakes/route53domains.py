"""Route 53 Domains below botocore's client: names, prices and operations, held against its model."""

import itertools
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from botocore.validate import ParamValidator  # type: ignore[import-untyped]  # botocore has no types

from nameplate.adapters.vendors import aws
from nameplate.core.secret import Secret

NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)
PRICES = {
    "RegistrationPrice": 14.0,
    "RenewalPrice": 15.0,
    "TransferPrice": 13.0,
    "RestorationPrice": 66.0,
}


class Refusal(Exception):
    """An exception of the API: code, message."""


class FakeRoute53Domains:
    """Answers in place of the network; every answer and exception must be in the service's model."""

    def __init__(self) -> None:
        """Have no names yet."""
        self.client = aws.client(Secret("AKID"), Secret("secret"), service="route53domains")
        self.now = NOW
        self.names: dict[str, dict[str, Any]] = {}
        self.others: dict[str, str] = {"taken.com": "UNAVAILABLE"}
        self.premium: dict[str, float] = {"premium.com": 2500.0}
        self.operations: dict[str, dict[str, Any]] = {}
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.error: tuple[str, str] | None = None
        self.lose: str | None = None
        """`before` or `after`: when the answer to the next change gets lost."""
        self.page = 100
        self._ids = itertools.count(1)
        self._pending: dict[str, Any] = {}
        events = self.client.meta.events
        events.register("before-parameter-build.route53domains", self._note)
        events.register("before-call.route53domains", self._answer)

    def own(self, name: str, **told: Any) -> dict[str, Any]:
        """Have a name in the account."""
        self.names[name] = {
            "DomainName": name, "AutoRenew": False, "CreationDate": self.now - timedelta(days=300),
            "ExpirationDate": self.now + timedelta(days=430), "StatusList": ["clientTransferProhibited"],
            "Nameservers": [{"Name": "NS-1.awsdns.org"}], "RegistrantPrivacy": True, "DnssecKeys": [], **told,
        }  # fmt: skip
        return self.names[name]

    def settle(self) -> None:
        """Let everything that is under way succeed."""
        for row in self.operations.values():
            if row["Status"] == "IN_PROGRESS":
                row["Status"] = "SUCCESSFUL"
                row["act"]()

    def _note(self, params: dict[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = dict(params)

    def _answer(self, model: Any, context: dict[str, Any], **_: Any) -> Any:
        import botocore.exceptions as errors  # type: ignore[import-untyped]  # botocore has no types

        name, asked = model.name, context["asked"]
        self.calls.append((name, asked))
        is_change = name in {"RegisterDomain", "RenewDomain", "TransferDomain"}
        lose, self.lose = (self.lose, None) if is_change else (None, self.lose)
        if lose == "before":
            raise errors.ConnectionClosedError(endpoint_url="x")
        try:
            found = (
                self._failing()
                if self.error is not None
                else getattr(self, "_" + name.lower())(asked)
            )
        except Refusal as refusal:
            code, said = refusal.args
            usual = {"ThrottlingException", "AccessDeniedException", "InternalFailure"}
            assert code in usual | {one.name for one in model.error_shapes}, f"{name}: {code}"
            status = 500 if code == "InternalFailure" else 400
            parsed = {
                "Error": {"Code": code, "Message": said},
                "ResponseMetadata": {"HTTPStatusCode": status},
            }
            return SimpleNamespace(status_code=status), parsed
        if model.output_shape is not None:
            report = ParamValidator().validate(found, model.output_shape)
            assert not report.has_errors(), report.generate_report()
        if lose == "after":
            raise errors.ConnectionClosedError(endpoint_url="x")
        return SimpleNamespace(status_code=200), {
            **found,
            "ResponseMetadata": {"HTTPStatusCode": 200},
        }

    def _failing(self) -> Any:
        raise Refusal(*(self.error or ()))

    def _mine(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["DomainName"] not in self.names:
            raise Refusal("InvalidInput", f"Domain {asked['DomainName']} not found in 123 account")
        return self.names[asked["DomainName"]]

    def _begin(self, kind: str, name: str, act: Any) -> dict[str, str]:
        if any(
            row["DomainName"] == name and row["Status"] == "IN_PROGRESS"
            for row in self.operations.values()
        ):
            raise Refusal("DuplicateRequest", "The request is already in progress for the domain.")
        number = f"op-{next(self._ids)}"
        self.operations[number] = {
            "OperationId": number, "Status": "IN_PROGRESS", "Type": kind, "DomainName": name,
            "SubmittedDate": self.now, "Message": "", "act": act,
        }  # fmt: skip
        return {"OperationId": number}

    def _checkdomainavailability(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["DomainName"]
        if not name.endswith(".com"):
            raise Refusal("UnsupportedTLD", "The TLD is not supported")
        found = self.others.get(name, "UNAVAILABLE" if name in self.names else "AVAILABLE")
        answer: dict[str, Any] = {"Availability": found}
        if name in self.premium:
            answer["Price"] = {
                "Price": self.premium[name],
                "Currency": "USD",
                "PriceType": "REGISTRY_PREMIUM",
            }
        return answer

    def _listprices(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["Tld"] != "com":
            raise Refusal("UnsupportedTLD", "The TLD is not supported")
        return {
            "Prices": [
                {
                    "Name": "com",
                    **{key: {"Price": value, "Currency": "USD"} for key, value in PRICES.items()},
                }
            ]
        }

    def _registerdomain(self, asked: dict[str, Any]) -> dict[str, Any]:
        name, years = asked["DomainName"], asked["DurationInYears"]
        if name in self.names or name in self.others:
            raise Refusal("InvalidInput", "Domain is not available")
        ends = self.now.replace(year=self.now.year + years)
        return self._begin(
            "REGISTER_DOMAIN",
            name,
            lambda: self.own(
                name, CreationDate=self.now, ExpirationDate=ends, AutoRenew=asked["AutoRenew"]
            ),
        )

    def _renewdomain(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._mine(asked)
        ends = row["ExpirationDate"]
        if asked["CurrentExpiryYear"] != ends.year:
            raise Refusal("InvalidInput", "CurrentExpiryYear does not match")
        later = ends.replace(year=ends.year + asked["DurationInYears"])
        return self._begin(
            "RENEW_DOMAIN", asked["DomainName"], lambda: row.update(ExpirationDate=later)
        )

    def _checkdomaintransferability(self, asked: dict[str, Any]) -> dict[str, Any]:
        found = self.others.get(asked["DomainName"], "TRANSFERABLE")
        if asked["DomainName"] in self.names:
            found = "DOMAIN_IN_OWN_ACCOUNT"
        if found.startswith("UNTRANSFERABLE"):
            return {
                "Transferability": {"Transferable": "UNTRANSFERABLE"},
                "Message": found.partition(":")[2],
            }
        return {
            "Transferability": {"Transferable": "TRANSFERABLE" if found == "UNAVAILABLE" else found}
        }

    def _transferdomain(self, asked: dict[str, Any]) -> dict[str, Any]:
        name = asked["DomainName"]
        if asked["AuthCode"] != "right-code":
            raise Refusal("InvalidInput", "The auth code is invalid")
        return self._begin("TRANSFER_IN_DOMAIN", name, lambda: self.own(name))

    def _retrievedomainauthcode(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._mine(asked)
        return {"AuthCode": "code-of-ours"}

    def _getdomaindetail(self, asked: dict[str, Any]) -> dict[str, Any]:
        return self._mine(asked)

    def _listdomains(self, asked: dict[str, Any]) -> dict[str, Any]:
        begins = asked.get("FilterConditions", [{"Values": [""]}])[0]["Values"][0]
        names = [
            name
            for name in sorted(self.names)
            if name.startswith(begins) and name > asked.get("Marker", "")
        ]
        rows = [
            {
                "DomainName": name,
                "AutoRenew": row["AutoRenew"],
                "TransferLock": "clientTransferProhibited" in row["StatusList"],
                "Expiry": row["ExpirationDate"],
            }
            for name, row in ((name, self.names[name]) for name in names[: self.page])
        ]
        more = {"NextPageMarker": names[self.page - 1]} if len(names) > self.page else {}
        return {"Domains": rows, **more}

    def _getoperationdetail(self, asked: dict[str, Any]) -> dict[str, Any]:
        if asked["OperationId"] not in self.operations:
            raise Refusal("InvalidInput", "Operation not found")
        row = self.operations[asked["OperationId"]]
        return {key: value for key, value in row.items() if key != "act"}

    def _listoperations(self, asked: dict[str, Any]) -> dict[str, Any]:
        rows = [
            row
            for row in self.operations.values()
            if row["SubmittedDate"] >= asked["SubmittedSince"]
        ]
        return {
            "Operations": [
                {key: value for key, value in row.items() if key != "act"} for row in reversed(rows)
            ]
        }

    def _updatedomainnameservers(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._mine(asked)
        return self._begin(
            "UPDATE_NAMESERVER",
            asked["DomainName"],
            lambda: row.update(Nameservers=asked["Nameservers"]),
        )

    def _enabledomaintransferlock(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._mine(asked)
        return self._begin(
            "DOMAIN_LOCK",
            asked["DomainName"],
            lambda: row.update(StatusList=["clientTransferProhibited"]),
        )

    def _disabledomaintransferlock(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._mine(asked)
        return self._begin(
            "DOMAIN_LOCK", asked["DomainName"], lambda: row.update(StatusList=["ok"])
        )

    def _enabledomainautorenew(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._mine(asked)["AutoRenew"] = True
        return {}

    def _disabledomainautorenew(self, asked: dict[str, Any]) -> dict[str, Any]:
        self._mine(asked)["AutoRenew"] = False
        return {}

    def _updatedomaincontact(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._mine(asked)
        return self._begin(
            "UPDATE_DOMAIN_CONTACT",
            asked["DomainName"],
            lambda: row.update(RegistrantContact=asked["RegistrantContact"]),
        )

    def _updatedomaincontactprivacy(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._mine(asked)
        return self._begin(
            "CHANGE_PRIVACY_PROTECTION",
            asked["DomainName"],
            lambda: row.update(RegistrantPrivacy=asked["RegistrantPrivacy"]),
        )

    def _associatedelegationsignertodomain(self, asked: dict[str, Any]) -> dict[str, Any]:
        row, key = (
            self._mine(asked),
            {
                **asked["SigningAttributes"],
                "Id": f"k{next(self._ids)}",
                "KeyTag": 7,
                "DigestType": 2,
                "Digest": "ab",
            },
        )
        return self._begin("ADD_DNSSEC", asked["DomainName"], lambda: row["DnssecKeys"].append(key))

    def _disassociatedelegationsignerfromdomain(self, asked: dict[str, Any]) -> dict[str, Any]:
        row = self._mine(asked)
        left = [one for one in row["DnssecKeys"] if one["Id"] != asked["Id"]]
        return self._begin(
            "REMOVE_DNSSEC", asked["DomainName"], lambda: row.update(DnssecKeys=left)
        )

    def _getdomainsuggestions(self, asked: dict[str, Any]) -> dict[str, Any]:
        label = asked["DomainName"].partition(".")[0]
        return {
            "SuggestionsList": [
                {"DomainName": f"{label}{number}.com", "Availability": "AVAILABLE"}
                for number in range(asked["SuggestionCount"])
            ]
        }
