"""XML of Route 53, read and written as the model of botocore describes it."""

import functools
import json
import xml.etree.ElementTree as ET
from collections.abc import Iterable
from typing import Any

import botocore.session  # type: ignore[import-untyped]  # botocore has no types
from botocore.validate import ParamValidator  # type: ignore[import-untyped]  # the same

from tests.fakes.server import Answer

NAMESPACE = "https://route53.amazonaws.com/doc/2013-04-01/"
MODEL = botocore.session.get_session().get_service_model("route53")


def parsed(node: Any, shape: Any) -> Any:
    if shape.type_name == "structure":
        found = {}
        for member, of in shape.members.items():
            child = node.find(f"{{{NAMESPACE}}}{of.serialization.get('name', member)}")
            if child is not None:
                found[member] = parsed(child, of)
        return found
    if shape.type_name == "list":
        return [parsed(child, shape.member) for child in node]
    text = node.text or ""
    return int(text) if shape.type_name in {"integer", "long"} else text


def answer(operation: str, value: dict[str, Any], entries: Iterable[dict[str, Any]] = ()) -> Answer:
    """Write an answer, with the record sets of a listing, as botocore's model describes it."""
    root = ET.Element(f"{operation}Response", xmlns=NAMESPACE)
    _fill(root, value, MODEL.operation_model(operation).output_shape)
    for listed in root.findall("ResourceRecordSets"):
        listed.extend(_record_set(json.dumps(entry)) for entry in entries)
    return Answer(200, ET.tostring(root), {"content-type": "text/xml"})


@functools.lru_cache(10_000)
def _record_set(text: str) -> ET.Element:
    """Return one entry of a listing, given as JSON; the model judges each by itself."""
    node = ET.Element("ResourceRecordSet")
    _fill(node, json.loads(text), MODEL.shape_for("ResourceRecordSet"))
    return node


def _fill(node: ET.Element, value: dict[str, Any], shape: Any) -> None:
    report = ParamValidator().validate(value, shape)
    assert not report.has_errors(), report.generate_report()
    _write(node, value, shape)


def _write(node: Any, value: Any, shape: Any) -> None:
    if shape.type_name == "structure":
        for member, one in value.items():
            of = shape.members[member]
            _write(ET.SubElement(node, of.serialization.get("name", member)), one, of)
    elif shape.type_name == "list":
        for one in value:
            name = shape.member.serialization.get("name", "member")
            _write(ET.SubElement(node, name), one, shape.member)
    elif shape.type_name == "boolean":
        node.text = str(value).lower()
    elif shape.type_name == "timestamp":
        node.text = value.strftime("%Y-%m-%dT%H:%M:%SZ")
    else:
        node.text = str(value)


def error(status: int, code: str, messages: list[str]) -> Answer:
    if code == "InvalidChangeBatch":
        root = ET.Element("InvalidChangeBatch", xmlns=NAMESPACE)
        node = ET.SubElement(root, "Messages")
        for message in messages:
            ET.SubElement(node, "Message").text = message
        ET.SubElement(root, "RequestId").text = "r1"
    else:
        root = ET.Element("ErrorResponse", xmlns=NAMESPACE)
        error = ET.SubElement(root, "Error")
        ET.SubElement(error, "Type").text = "Sender"
        ET.SubElement(error, "Code").text = code
        ET.SubElement(error, "Message").text = " ".join(messages)
        ET.SubElement(root, "RequestId").text = "r1"
    return Answer(status, ET.tostring(root), {"content-type": "text/xml"})
