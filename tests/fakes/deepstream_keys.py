"""Checks the text of nvinfer and tracker files as DeepStream's parsers read them, but strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

FACTS: dict[str, Any] = json.loads(
    (Path(__file__).parent.parent / "engines" / "deepstream_keys.json").read_text(encoding="utf-8")
)
DETECTORS = (0, 3)
PATHS = ("onnx-file", "labelfile-path", "int8-calib-file")
_KINDS: dict[str, type | tuple[type, ...]] = {
    "int": int,
    "uint": int,
    "bool": int,
    "float": (int, float),
    "double": (int, float),
    "path": str,
    "string": str,
}


def nvinfer_mistakes(text: str) -> list[str]:
    """Return what is wrong with an nvinfer YAML file; [] where nothing is."""
    content = yaml.safe_load(text)
    if not isinstance(content, dict) or "property" not in content:
        return ["no property section"]
    own = content["property"]
    found = [m for key, value in own.items() for m in _mistakes("nvinfer", FACTS["nvinfer"], key, value)]
    is_detector = own.get("network-type", 0) in DETECTORS
    for name, attributes in content.items():
        if name == "property":
            continue
        if not is_detector:
            found.append(f"section {name} is read of detectors alone")
        number = name.removeprefix("class-attrs-")
        if number != "all" and not (number.isdigit() and int(number) < own.get("num-detected-classes", 0)):
            found.append(f"section {name}")
        found += [
            m for key, value in attributes.items() for m in _mistakes(name, FACTS["class-attrs"], key, value)
        ]
    return found + _missing(own)


def _missing(own: dict[str, Any]) -> list[str]:
    kind, colours = own.get("network-type", 0), {0: 3, 1: 3, 2: 1}[own.get("model-color-format", 0)]
    sides, offsets = str(own.get("infer-dims", "")).split(";"), str(own.get("offsets", "")).split(";")
    needed = {
        "cluster-mode; shipped builds take 20 boxes at most without one": kind != 0
        or own.get("cluster-mode", 0) != 0,
        "cluster-mode 4, custom-lib-path and parse-bbox-instance-mask-func-name": kind != 3
        or (
            own.get("cluster-mode") == 4
            and {"custom-lib-path", "parse-bbox-instance-mask-func-name"} <= set(own)
        ),
        "a colour for each channel of infer-dims": sides[0] == str(colours),
        "an offset for each channel": "offsets" not in own or len(offsets) == colours,
        "onnx-file or model-engine-file": "onnx-file" in own or "model-engine-file" in own,
        "num-detected-classes": own.get("network-type") == 100 or own.get("num-detected-classes", 0) > 0,
        "output-tensor-meta of a network that nvinfer does not read": own.get("network-type") != 100
        or own.get("output-tensor-meta") == 1,
        "a network type for which these keys count": own.get("network-type") != 100
        or not {"secondary-reinfer-interval", "classifier-async-mode", "cluster-mode"} & set(own),
        "infer-dims of a dynamic graph": "infer-dims" in own,
        "int8-calib-file": own.get("network-mode") not in (1, 3) or "int8-calib-file" in own,
        "operate-on-gie-id": own.get("process-mode") != 2 or "operate-on-gie-id" in own,
        "gie-unique-id": 0 < own.get("gie-unique-id", 0) != own.get("operate-on-gie-id"),
        "custom-lib-path": ("parse-bbox-func-name" in own) == ("custom-lib-path" in own),
        "three values in infer-dims": len(sides) == 3,
    }
    return [f"missing or wrong: {what}" for what, there in needed.items() if not there]


def nvtracker_mistakes(text: str) -> list[str]:
    """Return what is wrong with a tracker file; [] where nothing is."""
    first, _, rest = text.partition("\n")
    found = [] if first == "%YAML:1.0" else ["the first line is not %YAML:1.0"]
    for section, keys in yaml.safe_load(rest).items():
        if section not in FACTS["nvtracker"]:
            found.append(f"section {section}")
            continue
        for key, value in keys.items():
            found += _mistakes(section, FACTS["nvtracker"][section], key, value)
    return found


def _mistakes(place: str, facts: dict[str, Any], key: str, value: object) -> list[str]:
    if key not in facts:
        return [f"{place}.{key}: unknown key"]
    fact = facts[key]
    if fact.get("refused"):
        return [f"{place}.{key}: not read from YAML, or dead"]
    kind = fact["type"]
    if kind.startswith("list<"):
        items = value if isinstance(value, list) and place[0].isupper() else str(value).split(";")
        if place[0].islower() and isinstance(value, list):
            return [f"{place}.{key}: a sequence where a scalar joined by ';' is read"]
        number = kind in ("list<int>", "list<float>")
        return [f"{place}.{key}: {item!r}" for item in items if number and not _is_number(item)]
    if not isinstance(value, _KINDS[kind]) or isinstance(value, bool):
        return [f"{place}.{key}: {value!r} is no {kind}"]
    if kind == "bool" and value not in (0, 1):
        return [f"{place}.{key}: {value!r} is not 0 or 1"]
    if "values" in fact and value not in fact["values"]:
        return [f"{place}.{key}: {value!r} is none of {fact['values']}"]
    if isinstance(value, int | float) and not fact.get("min", value) <= value <= fact.get("max", value):
        return [f"{place}.{key}: {value!r} is out of range"]
    if kind == "uint" and isinstance(value, int) and value < 0:
        return [f"{place}.{key}: {value!r} is negative"]
    return []


def _is_number(item: object) -> bool:
    try:
        float(str(item))
    except ValueError:
        return False
    return True
