"""The way of a name that is bought: registered, delegated, and then as with any other."""

from nameplate.demo.tour import Tour


class BuyingTour(Tour):
    """Registers the name at the sandbox registrar instead of proving it."""

    def _obtain(self) -> None:
        """Have an organization hold the name: it registers and delegates it."""
        with self._step("buy"):
            self._buy(self._set_up())
        with self._step("delegate"):
            self._delegate()

    def _buy(self, organization: str) -> None:
        self._add(
            "accounts", kind="registrar", provider="sandbox", name="sandbox registrar",
            organization=organization,
            config={"state": str(self._sandbox.home / "registrar.json")},
        )  # fmt: skip
        quote = self._add("registrations:quote", name=self._host, organization=organization)
        self._say(f"POST /v1/registrations:quote: {quote['id']}, {quote['price']['text']} a year")
        amount = {name: quote["price"][name] for name in ("amount", "currency")}
        self._add(f"purchases/{quote['id']}:confirm", amount=amount)
        bought = self._until(
            f"/v1/purchases/{quote['id']}", lambda found: found["status"] == "settled"
        )
        self._say(f"bought once for {bought['charged']['text']}, order sent at {bought['sent_at']}")
        row = self._api.get(f"/v1/registrations/{self._host}")
        self._say(f"{row['id']}: {row['status']}, expires at {row['expires_at']}")
        domain = self._api.get(f"/v1/domains/{self._host}")
        self._domain = domain["id"]
        self._say(f"the registration is the proof: {domain['id']}, {domain['status']}")

    def _delegate(self) -> None:
        self._api.send("PATCH", f"/v1/domains/{self._domain}", {"account": self.account})
        path = f"/v1/registrations/{self._host}"
        before = ", ".join(self._api.get(path)["name_servers"])
        self._say(f"name servers at the registrar: {before}")
        self._api.send("POST", f"{path}:delegate", {})
        zone = self._sandbox.dns.records(self._host)
        wanted = sorted(
            value.rstrip(".") for rrset in zone if rrset.type == "NS" for value in rrset.values
        )
        self._until(path, lambda found: found["name_servers"] == wanted)
        self._say(f"Nameplate set those of the DNS account's zone: {', '.join(wanted)}")
        self._answered(self._host, "NS")
