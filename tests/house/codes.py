"""Every error code that the source can show to somebody, and where it comes from."""

import ast
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.house.source import PACKAGE, dotted, python_files, tree, where

from nameplate.adapters.domain_connect import _REFUSED
from nameplate.core import errors
from nameplate.core.diagnosis import values as diagnosis_values
from nameplate.core.ids import Prefix
from nameplate.core.lifecycle import BindingStatus, CertificateStatus, DomainStatus, RecordStatus
from nameplate.ports.fetcher import HttpOutcome

SLUG = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")


def _kinds() -> dict[str, str]:
    """Return every exception whose first argument is a code -> the one of core/errors.py it is."""
    kinds = {
        name: name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.NameplateError)
    }
    classes = [
        node
        for path in python_files("src")
        for node in tree(path).body
        if isinstance(node, ast.ClassDef) and node.name not in kinds and _takes_code(node)
    ]
    known = 0
    while known != len(kinds):
        known = len(kinds)
        for node in classes:
            bases = [kinds[base] for base in map(dotted, node.bases) if base in kinds]
            if bases:
                kinds[node.name] = bases[0]
    return kinds


def _takes_code(node: ast.ClassDef) -> bool:
    makers = [one for one in node.body if isinstance(one, ast.FunctionDef)]
    taken = [one.args.args[1:2] for one in makers if one.name == "__init__"]
    return not taken or any(first.arg == "code" for first in taken[0])


KINDS = _kinds()
"""Exceptions whose first argument is a code -> which of core/errors.py they are."""

CARRIERS: Mapping[str, tuple[int, str | tuple[str, ...]]] = {
    **dict.fromkeys(KINDS, (0, "")),
    "Problem": (1, ""),
    "HostState": (1, "adapters/proxy/"),
    "Proof": (1, ("adapters/verification/", "usecases/claims/corroboration.py")),
    "Fail": (0, "core/issuance.py"),
    "RegistrationProblem": (0, "core/registration.py"),
    "Obstacle": (0, "core/pointing.py"),
    "CdnProblem": (0, "core/cdn.py"),
    "DiagnosisFinding": (0, ("core/diagnosis/", "usecases/claims/preflight.py")),
    "PersistFinding": (0, "core/draft_challenges.py"),
    "doubt": (0, "usecases/claims/signed_answers.py"),
    "Dangling": (0, "core/dangling/"),
    "CaaObstacle": (0, "usecases/certificates/caa_looks.py"),
    "Unreached": (0, "usecases/certificates/"),
    "say": (0, "models/certificates.py"),
    "meet": (0, ("usecases/certificates/order.py", "usecases/registrations/")),
    "Blocked": (2, "core/plan.py"),
    "wrong": (1, "core/"),
    "refuse": (1, "core/formats/"),
    "_refused": (1, "core/formats/bind.py"),
    "fail": (1, "cli/"),
    "document": (1, "api/errors.py"),
    "_Refusal": (0, "usecases/registrations/purchasing.py"),
    "RegistrationTrouble": (0, "usecases/registrations/"),
}
"""What is called with a code -> which argument it is, and below which folder or in which file."""

PAIRS = (
    *("api/errors.py", "core/dnames.py", "core/nested_zones.py", "core/plan.py"),
    *("core/zone_rules.py", "usecases/dns/file_faults.py", "usecases/dns/shelter.py"),
    *("usecases/dns/zones.py", "usecases/setup/domain_connect.py"),
)
"""Files in which a tuple of a slug and a sentence is a code with what it means."""

FAMILIES: Mapping[str, frozenset[str]] = {
    "acme_{}": frozenset(
        f"acme_{one}"
        for one in (
            *("*", "caa", "rejected_identifier", "unsupported_identifier", "user_action_required"),
            *("external_account_required", "account_does_not_exist"),
        )
    ),
    "domain_connect_{}": frozenset(f"domain_connect_{slug}" for slug, _ in _REFUSED.values())
    | {"domain_connect_malformed"},
    "{}_{}": frozenset(f"file_{end}" for end in HttpOutcome if end is not HttpOutcome.ANSWERED)
    | frozenset(f"page_{end}" for end in HttpOutcome)
    - {"page_answered", "page_too_large", "page_too_many_redirects"},
    "{}_at_doubled_name": frozenset({"txt_at_doubled_name", "cname_at_doubled_name"}),
    "{}_at_wrong_name": frozenset({"txt_at_wrong_name", "cname_at_wrong_name"}),
    "{}_absent": frozenset({"txt_absent", "cname_absent"}),
    "{}_mismatch": frozenset({"txt_mismatch", "cname_mismatch"}),
    "record_{}": frozenset(f"record_{status}" for status in RecordStatus) - {"record_disabled"},
    "certificate_{}": frozenset(f"certificate_{status}" for status in CertificateStatus)
    - {"certificate_active", "certificate_renewing"},
    "binding_{}": frozenset(f"binding_{status}" for status in BindingStatus) - {"binding_active"},
    "{}_not_found": frozenset(
        f"{noun.name.lower()}_not_found"
        for noun in (
            *(Prefix.ORGANIZATION, Prefix.APPLICATION, Prefix.SERVER, Prefix.ACCOUNT),
            *(
                Prefix.SERVER_GROUP,
                Prefix.DOMAIN,
                Prefix.RECORD,
                Prefix.CERTIFICATE,
                Prefix.BINDING,
            ),
            *(Prefix.VERIFICATION, Prefix.PLAN, Prefix.DANGLING_RECORD),
            *(Prefix.CHALLENGE, Prefix.TRANSFER, Prefix.REGISTRATION, Prefix.PURCHASE),
            *(Prefix.USER, Prefix.MEMBERSHIP, Prefix.SESSION),
        )
    )
    | {"token_not_found"},
    "{}_unused": frozenset({"priority_unused", "weight_unused", "port_unused"}),
    "{}_required": frozenset({"priority_required", "weight_required", "port_required"}),
    "{}_differs": frozenset({"priority_differs", "weight_differs", "port_differs"}),
}
"""Codes that are put together: the f-string with `{}` for what varies -> what can come out."""

FORWARDED: Mapping[str, str] = {
    "adapters/proxy/cloudflare.py:_tell": "custom_hostname_foreign custom_hostname_deleted "
    "custom_hostname_quota custom_hostname_refused",
    "adapters/proxy/cloudflare_states.py:judge": "custom_hostname_pending custom_hostname_validating "
    "custom_hostname_issuing custom_hostname_moved custom_hostname_blocked custom_hostname_deleted "
    "custom_hostname_timed_out custom_hostname_expired custom_hostname_uncertified",
    "core/dangling/checks.py:_of_zone": "delegation_lame zone_not_served name_not_registered",
    "adapters/registrar/namecheap_answers.py:explain": "name_not_in_account name_taken suffix_not_sold provider_refused "
    "years_invalid contact_invalid name_servers_invalid name_not_in_redemption order_refused",
    "adapters/registrar/route53_answers.py:explain": "suffix_not_sold provider_refused operation_in_progress name_not_in_account "
    "expiry_moved transfer_code_wrong transfer_too_early name_locked name_taken",
    "adapters/registrar/route53domains.py:transfer": "name_not_in_account expiry_moved transfer_code_wrong "
    "transfer_too_early name_locked name_taken provider_refused",
    "adapters/dns/lexicon.py:_explained": "provider_unreachable answer_lost",
    "usecases/claims/conditions.py:_ownership": " ".join(
        status for status in DomainStatus if status not in {"verified", "active"}
    ),
    "usecases/claims/conditions.py:_stopped": "answer_awaited",
    "usecases/claims/cdn_conditions.py:conditions": "cdn_plain_origin cdn_mode_unknown",
    "usecases/claims/served_conditions.py:_unseen": "agent_silent agent_missing",
    "usecases/claims/conditions.py:_unlooked": "mail_failed internal_error",
    "usecases/claims/served_conditions.py:_certificate": " ".join(
        f"certificate_{status}"
        for status in CertificateStatus
        if status not in {"active", "renewing"}
    ),
    "core/pointing.py:_no_cname": "apex_needs_address name_has_others",
    "api/errors.py:_wrong_place": "missing",
    "usecases/registrations/purchasing.py:_checked": "price_changed premium_not_accepted",
    "api/errors.py:_http": "",
    "api/errors.py:documented": "",
    "adapters/verification/web.py:judge": "",
    "adapters/verification/records.py:judge": "",
    "adapters/proxy/sites.py:group": "route_id_invalid hostname_invalid path_invalid "
    "upstream_invalid key_pair_id_invalid redirect_invalid route_settings_invalid weight_invalid route_settings_differ route_drained setting_unsupported "
    "certificate_ambiguous",
    "registry.py:get": "provider_unknown proxy_unknown method_unknown",
    "usecases/claims/verifications.py:check_subtree": "wildcard_needs_dns "
    "hosted_needs_dns suffix_needs_dns",
    "cli/client.py:__init__": "answer_malformed",
    "core/delegation.py:_fine": "delegated_partly ns_mismatch",
    "core/diagnosis/proofs.py:_value": " ".join(diagnosis_values.TOLD),
}
"""`file:function` that passes a code on -> the codes that it makes itself, if any."""

RAISED_ANEW: Mapping[str, str] = {
    "usecases/tenants/providers.py:plugin": "provider_unknown plugin_broken plugin_ambiguous",
}
"""`file:function` that raises a code of another error as an error of another kind -> those codes."""

NO_TROUBLE = {
    "offered": "the link is there",
    "txt_match": "a proof",
    "file_match": "a proof",
    "delegated": "as it should be",
}
"""Slugs that stand where codes do and mean success."""


@dataclass(slots=True)
class Codes:
    """What was found."""

    places: dict[str, set[str]] = field(default_factory=dict)
    """Code -> `file:line` of each place that makes it."""
    kinds: dict[str, set[str]] = field(default_factory=dict)
    """Code -> names of the exceptions of core/errors.py that carry it."""
    unreadable: list[str] = field(default_factory=list)
    """Places whose code cannot be told from the source."""

    def add(self, code: str, place: str, kind: str = "") -> None:
        """Take one code."""
        if code not in NO_TROUBLE:
            self.places.setdefault(code, set()).add(place)
            if kind:
                self.kinds.setdefault(code, set()).add(kind)


def found() -> Codes:
    """Return every code that `src` can show."""
    codes = Codes()
    for path in python_files("src"):
        place = str(path.relative_to(PACKAGE))
        if not place.startswith(("migrations/", "testing/")):
            File(path, place, codes, tree(path)).read()
    return codes


class File:
    """Reads one file."""

    def __init__(self, path: Path, place: str, codes: Codes, module: ast.Module) -> None:
        self.path = path
        self.place = place
        self.codes = codes
        self.module = module

    def read(self) -> None:
        """Take every code of the file."""
        self._within(self.module, self.module)

    def _within(self, scope: ast.AST, node: ast.AST) -> None:
        for child in ast.iter_child_nodes(node):
            inner = child if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef) else scope
            self._look(inner, child)
            self._within(inner, child)

    def _look(self, scope: ast.AST, node: ast.AST) -> None:
        match node:
            case ast.Call():
                self._call(scope, node)
            case ast.Tuple(elts=[first, ast.Constant(str()) | ast.JoinedStr() | ast.Call()]):
                said = node.elts[1]
                spoken = not isinstance(said, ast.Call) or dotted(said.func) == "str"
                if self.place in PAIRS and spoken and _slug(first):
                    self._take(scope, first, node)
            case ast.Tuple(elts=[verdict, reason, _]):
                seen = dotted(verdict)
                if (
                    seen.lower().startswith("verdict")
                    and _is_text(reason)
                    and seen != "Verdict.MATCH"
                ):
                    self._take(scope, reason, node)
            case ast.Dict():
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "code":
                        self._take(scope, value, node, quiet=True)
            case _:
                pass

    def _call(self, scope: ast.AST, call: ast.Call) -> None:
        name = dotted(call.func).rpartition(".")[2] or getattr(call.func, "attr", "")
        keywords = {keyword.arg: keyword.value for keyword in call.keywords}
        if name == "Condition" and "reason" in keywords:
            status = keywords.get("status")
            holds = isinstance(status, ast.Constant) and status.value is True
            if not holds or "fix" in keywords:
                self._take(scope, keywords["reason"], call)
        elif name == "NameVerdict" and "code" in keywords:
            self._take(scope, keywords["code"], call)
        elif name == "__init__":
            if call.args and _slug(call.args[0]):
                self._take(scope, call.args[0], call)
        elif name in CARRIERS:
            index, folder = CARRIERS[name]
            within = self.place.startswith(folder) and len(call.args) > index
            if within and not isinstance(call.args[index], ast.Starred):
                self._take(scope, call.args[index], call, KINDS.get(name, ""))

    def _take(
        self, scope: ast.AST, code: ast.expr, node: ast.AST, kind: str = "", *, quiet: bool = False
    ) -> None:
        """Add what `code` can be, or note that nobody can tell."""
        key = f"{self.place}:{getattr(scope, 'name', '')}"
        values = self._values(scope, code)
        here = where(self.path, node)
        if key in RAISED_ANEW and kind:
            values = set(RAISED_ANEW[key].split())
        if values is None:
            if key in FORWARDED:
                values = set(FORWARDED[key].split())
            elif quiet or getattr(scope, "name", "") in {*CARRIERS, "document"}:
                return
            else:
                self.codes.unreadable.append(f"{here}: {ast.unparse(code)}")
                return
        for value in values:
            self.codes.add(value, here, kind)

    def _values(self, scope: ast.AST, code: ast.expr) -> set[str] | None:
        match code:
            case ast.Constant(value=str(value)):
                return {value} if SLUG.fullmatch(value) else set()
            case ast.IfExp(body=body, orelse=orelse):
                found = [self._values(scope, one) for one in (body, orelse)]
                return None if None in found else set().union(*filter(None, found))
            case ast.JoinedStr(values=parts):
                shape = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "{}" for part in parts
                )
                return set(FAMILIES[shape]) if shape in FAMILIES else None
            case ast.Attribute(attr="code") | ast.Attribute(attr="reason"):
                return set()  # of an error that was made elsewhere
            case ast.Name(id=name):
                return self._assigned(scope, name)
            case _:
                return None

    def _assigned(self, scope: ast.AST, name: str) -> set[str] | None:
        """Return what a variable of the function, or a constant of the module, can be."""
        found: set[str] = set()
        for node in [*ast.walk(scope), *self.module.body]:
            match node:
                case ast.Assign(targets=targets, value=value):
                    for target in targets:
                        found |= self._of(scope, target, value, name)
                case ast.For(
                    target=ast.Tuple(elts=[ast.Name(id=key), *_]), iter=ast.Call() as walk
                ):
                    if key == name and isinstance(walk.func, ast.Attribute):
                        found |= self._keys(scope, dotted(walk.func.value))
                case _:
                    pass
        return found or None

    def _of(self, scope: ast.AST, target: ast.expr, value: ast.expr, name: str) -> set[str]:
        if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = zip(target.elts, value.elts, strict=False)
            return set().union(*(self._of(scope, one, given, name) for one, given in pairs))
        if isinstance(target, ast.Name) and target.id == name and not isinstance(value, ast.Name):
            return self._values(scope, value) or set()
        return set()

    def _keys(self, scope: ast.AST, name: str) -> set[str]:
        for node in ast.walk(scope):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
                named = any(dotted(target) == name for target in node.targets)
                keys = [key for key in node.value.keys if key is not None]
                if named:
                    return {str(key.value) for key in keys if isinstance(key, ast.Constant)}
        return set()


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or _slug(node)


def _slug(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and SLUG.fullmatch(node.value) is not None
    )
