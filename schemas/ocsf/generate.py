#!/usr/bin/env python3
"""Write ocsf.json: the facts of OCSF that riposte needs, and none of its prose.

    python3 -m venv venv && venv/bin/pip install ocsf-json-schema==1.2.0
    venv/bin/python generate.py > ocsf.json

The input is the export of schema.ocsf.io that the package ocsf-json-schema carries. Kept are, for the classes below and every object that
they reach: names, types, object types, array-ness, requirement, enums with captions, profiles, deprecation and constraints. One attribute
stands on one line, so that a change of the schema can be reviewed as a diff.
"""

import json
import sys

from ocsf_json_schema import get_ocsf_schema

VERSION = "1.8.0"

# The classes of schemas/event.go.
CLASSES = [0, 1001, 1007, 2002, 2003, 2004, 3001, 3002, 3004, 3005, 3006, 4001, 4002, 4003, 5023, 6003, 6005, 7001]


def attribute(attr: dict) -> dict:
    """The facts of one attribute."""
    out = {"type": attr["type"]}
    if attr["type"] == "object_t":
        out = {"object": attr["object_type"]}
    if attr.get("is_array"):
        out["array"] = True
    if attr.get("requirement") == "required":
        out["required"] = True
    if attr.get("profiles"):
        out["profiles"] = attr["profiles"]
    if "@deprecated" in attr:
        out["deprecated"] = True
    if attr.get("enum"):
        keys = sorted(attr["enum"], key=lambda k: (int(k), "") if k.lstrip("-").isdigit() else (0, k))
        out["enum"] = {key: attr["enum"][key]["caption"] for key in keys}
    return out


def entity(src: dict) -> dict:
    """The facts of a class or an object."""
    out = {}
    for key, name in (("uid", "uid"), ("category_uid", "category"), ("caption", "caption")):
        if key in src and "uid" in src:
            out[name] = src[key]
    constraints = {k: v for k, v in (src.get("constraints") or {}).items() if v}
    unknown = set(constraints) - {"at_least_one", "just_one"}
    if unknown:
        sys.exit(f"{src['name']}: unknown constraints {sorted(unknown)}")
    for names in constraints.values():
        if any("." in name for name in names):
            sys.exit(f"{src['name']}: a constraint on a path is not supported: {names}")
    out.update(constraints)
    out["attributes"] = {name: attribute(attr) for name, attr in sorted(src["attributes"].items())}
    return out


def reach(schema: dict, classes: list) -> dict:
    """All objects that the classes reach, by name."""
    found, todo = {}, list(classes)
    while todo:
        for attr in todo.pop()["attributes"].values():
            name = attr.get("object_type")
            if name and name not in found:
                found[name] = schema["objects"][name]
                todo.append(found[name])
    return found


def write(out: dict) -> None:
    """JSON with one attribute a line."""
    def line(value) -> str:
        return json.dumps(value, ensure_ascii=True, separators=(",", ":"))

    def block(items: dict, render) -> str:
        return "{\n" + ",\n".join(f"{line(k)}:{render(v)}" for k, v in items.items()) + "\n}"

    def render(value: dict) -> str:
        attrs = value["attributes"]
        head = "".join(f"{line(k)}:{line(v)}," for k, v in value.items() if k != "attributes")
        return "{" + head + '"attributes":' + (block(attrs, line) if attrs else "{}") + "}"

    print("{")
    print(f'"version":{line(out["version"])},')
    print(f'"profiles":{line(out["profiles"])},')
    print(f'"types":{block(out["types"], line)},')
    print(f'"classes":{block(out["classes"], render)},')
    print(f'"objects":{block(out["objects"], render)}')
    print("}")


def main() -> None:
    schema = get_ocsf_schema(VERSION)
    if schema["version"] != VERSION:
        sys.exit(f"the package holds {schema['version']}, not {VERSION}")
    by_uid = {c["uid"]: c for c in schema["classes"].values()}
    classes = [by_uid[uid] for uid in CLASSES]
    objects = reach(schema, classes)
    types = {
        name: {key: t[key] for key in ("type", "regex", "max_len", "range") if key in t}
        for name, t in sorted(schema["dictionary"]["types"]["attributes"].items())
    }
    write({
        "version": VERSION,
        "profiles": sorted(schema["profiles"]),
        "types": types,
        "classes": {c["name"]: entity(c) for c in classes},
        "objects": {name: entity(objects[name]) for name in sorted(objects)},
    })


if __name__ == "__main__":
    main()
