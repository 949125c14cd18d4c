"""YAML as texts, lists and mappings that know their lines; no key is written twice."""

from typing import Any

import yaml

from nameplate.core.errors import Invalid, Problem
from nameplate.core.formats.entries import ReadingBudget
from nameplate.core.formats.nodes import twice

_STANDARD = "tag:yaml.org,2002:"
_SCALARS = frozenset(
    f"{_STANDARD}{name}" for name in ("bool", "float", "int", "str", "timestamp", "value")
)
_NULL = f"{_STANDARD}null"


class Mapping(dict[str, Any]):
    """A mapping of YAML: its values are texts, None, lists and mappings."""

    line: int
    lines: dict[str, int]
    """Where each key stands."""

    def __init__(self, line: int = 1) -> None:
        """Begin an empty mapping at a line."""
        super().__init__()
        self.line = line
        self.lines = {}


class _Loader(yaml.SafeLoader):
    """Plain data only: no aliases, which can blow a small file up to any size, and within a budget."""

    def __init__(self, text: str, budget: ReadingBudget) -> None:
        super().__init__(text)
        self._budget = budget

    def fetch_more_tokens(self) -> None:
        self._budget.time(f"line {self.line + 1}")
        super().fetch_more_tokens()

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401 - PyYAML's hook
        if self.check_event(yaml.events.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]  # PyYAML types it not
            raise yaml.composer.ComposerError(None, None, "aliases are refused", event.start_mark)
        return super().compose_node(parent, index)


def load(text: str, budget: ReadingBudget) -> Any:  # noqa: ANN401 - whatever the file holds
    """Return the one document of a text, None when it is empty. Raises `Invalid` with the line."""
    try:
        node = _Loader(text, budget).get_single_node()
        return None if node is None else _plain(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or "it cannot be read"
        raise _refused(mark, f"Not valid YAML: {reason}.") from None
    except (RecursionError, ValueError):
        raise _refused(None, "Not valid YAML: it cannot be read.") from None


def _refused(mark: yaml.Mark | None, detail: str) -> Invalid:
    if mark is None:
        return Invalid("file_invalid", detail)
    place = f"line {mark.line + 1}"
    return Invalid("file_invalid", f"{place}: {detail}", [Problem(place, "syntax", detail)])


def _plain(node: yaml.Node) -> Any:  # noqa: ANN401 - text, None, list or mapping
    """Return what a node holds. A scalar is the text that is written there, whatever it looks like."""
    if isinstance(node, yaml.ScalarNode) and node.tag in _SCALARS:
        return str(node.value)
    if isinstance(node, yaml.ScalarNode) and node.tag == _NULL:
        return None
    if isinstance(node, yaml.SequenceNode) and node.tag == f"{_STANDARD}seq":
        return [_plain(one) for one in node.value]
    if not isinstance(node, yaml.MappingNode) or node.tag != f"{_STANDARD}map":
        raise _refused(node.start_mark, f"Not plain data: the tag {node.tag[:80]} is not read.")
    made = Mapping(node.start_mark.line + 1)
    for key_node, value_node in node.value:
        key = _plain(key_node) if isinstance(key_node, yaml.ScalarNode) else None
        if key is None:
            raise _refused(key_node.start_mark, "Expected text as the key of a mapping.")
        made.lines[key] = key_node.start_mark.line + 1
        if key in made:
            raise twice(f"line {made.lines[key]}", key)
        made[key] = _plain(value_node)
    return made
