"""Mapbox vector tiles (specification 2.1) read by protobuf: shares no code with the library that
wrote them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_FIELD = descriptor_pb2.FieldDescriptorProto
_MESSAGES: dict[
    str, list[tuple[str, int, int, bool, str]]
] = {  # name, number, type, repeated, message
    "Value": [
        ("string_value", 1, _FIELD.TYPE_STRING, False, ""),
        ("float_value", 2, _FIELD.TYPE_FLOAT, False, ""),
        ("double_value", 3, _FIELD.TYPE_DOUBLE, False, ""),
        ("int_value", 4, _FIELD.TYPE_INT64, False, ""),
        ("uint_value", 5, _FIELD.TYPE_UINT64, False, ""),
        ("sint_value", 6, _FIELD.TYPE_SINT64, False, ""),
        ("bool_value", 7, _FIELD.TYPE_BOOL, False, ""),
    ],
    "Feature": [
        ("id", 1, _FIELD.TYPE_UINT64, False, ""),
        ("tags", 2, _FIELD.TYPE_UINT32, True, ""),
        ("type", 3, _FIELD.TYPE_UINT32, False, ""),
        ("geometry", 4, _FIELD.TYPE_UINT32, True, ""),
    ],
    "Layer": [
        ("version", 15, _FIELD.TYPE_UINT32, False, ""),
        ("name", 1, _FIELD.TYPE_STRING, False, ""),
        ("features", 2, _FIELD.TYPE_MESSAGE, True, ".mvt.Feature"),
        ("keys", 3, _FIELD.TYPE_STRING, True, ""),
        ("values", 4, _FIELD.TYPE_MESSAGE, True, ".mvt.Value"),
        ("extent", 5, _FIELD.TYPE_UINT32, False, ""),
    ],
    "Tile": [("layers", 3, _FIELD.TYPE_MESSAGE, True, ".mvt.Layer")],
}


def read_tile(
    data: bytes, z: int, x: int, y: int
) -> dict[str, list[tuple[dict[str, Any], np.ndarray]]]:
    """Layer → (properties, (n, 2) longitudes and latitudes of its first line) of every feature."""
    tile = _make_tile_class()()
    tile.ParseFromString(data)
    found: dict[str, list[tuple[dict[str, Any], np.ndarray]]] = {}
    for layer in tile.layers:
        values = [getattr(value, value.ListFields()[0][0].name) for value in layer.values]
        for feature in layer.features:
            pairs = zip(feature.tags[::2], feature.tags[1::2], strict=True)
            told = {layer.keys[key]: values[value] for key, value in pairs}
            world = (_walk(list(feature.geometry)) / layer.extent + [x, y]) / 2**z
            latitude = np.degrees(np.arctan(np.sinh(np.pi * (1 - 2 * world[:, 1]))))
            found.setdefault(layer.name, []).append(
                (told, np.column_stack([360 * world[:, 0] - 180, latitude]))
            )
    return found


def _walk(commands: list[int]) -> np.ndarray:
    """(n, 2) points of the first line: MoveTo (1) and LineTo (2) with zigzag steps."""
    place, points, at = np.zeros(2), [], 0
    while at < len(commands):
        kind, count = commands[at] & 7, commands[at] >> 3
        if kind == 1 and points:
            break
        steps = np.array(commands[at + 1 : at + 1 + 2 * count]).reshape(-1, 2)
        for step in (steps >> 1) ^ -(steps & 1):
            place = place + step
            points.append(place)
        at += 1 + 2 * count
    return np.array(points)


def _make_tile_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="mvt.proto", package="mvt", syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind, many, of in fields:
            label = _FIELD.LABEL_REPEATED if many else _FIELD.LABEL_OPTIONAL
            added = message.field.add(name=field, number=number, type=kind, label=label)
            if of:
                added.type_name = of
            if many and not of and kind == _FIELD.TYPE_UINT32:
                added.options.packed = True
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("mvt.Tile"))
