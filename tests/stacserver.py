"""A small STAC API over files in memory, with range requests, paging, and hooks for faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.servers import Answer, Asked

CORE = [
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/collections",
]


@dataclass
class Catalogue:
    """Items and files; `url` is set once the server runs. `spoil` may answer instead."""

    files: dict[str, bytes] = field(default_factory=dict)
    items: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    page: int = 100
    secret: str | None = None
    spoil: Callable[[Asked], Answer | None] = lambda _: None

    def add(
        self,
        name: str,
        content: bytes,
        bounds,
        *,
        date: str,
        cloud: float | None = None,
        **asset: Any,
    ) -> None:
        """A file and the item that tells of it."""
        self.files[name] = content
        west, south, east, north = bounds
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        properties = {"datetime": date} | ({} if cloud is None else {"eo:cloud_cover": cloud})
        self.items.append(
            {
                "type": "Feature",
                "stac_version": "1.0.0",
                "id": name,
                "collection": "aerial",
                "bbox": list(bounds),
                "geometry": {"type": "Polygon", "coordinates": [ring]},
                "properties": properties,
                "links": [],
                "assets": {
                    "image": {
                        "href": f"FILES/{name}.tif",
                        "type": "image/tiff; application=geotiff",
                    }
                    | asset
                },
            }
        )

    def respond(self, asked: Asked) -> Answer:
        """What the API says to a request."""
        if (spoilt := self.spoil(asked)) is not None:
            return spoilt
        path, query = urlsplit(asked.path).path, parse_qs(urlsplit(asked.path).query)
        if path == "/":
            return _as_json(self._describe())
        if path == "/collections/aerial":
            return _as_json({"license": "CC-BY-4.0", "providers": [{"name": "Painters of Munich"}]})
        if path == "/search":
            question = (
                json.loads(asked.body)
                if asked.method == "POST"
                else {k: v[0] for k, v in query.items()}
            )
            return _as_json(self._search(question))
        if path == "/sign":
            return _as_json({"href": unquote(query["href"][0]) + f"?sig={self.secret}"})
        return self._send_file(asked, path.removeprefix("/files/").removesuffix(".tif"), query)

    def _describe(self) -> dict[str, Any]:
        links = [
            {"rel": "self", "href": self.url},
            {"rel": "root", "href": self.url},
            {
                "rel": "search",
                "href": f"{self.url}/search",
                "type": "application/geo+json",
                "method": "POST",
            },
            {
                "rel": "search",
                "href": f"{self.url}/search",
                "type": "application/geo+json",
                "method": "GET",
            },
            {"rel": "data", "href": f"{self.url}/collections"},
        ]
        return {
            "type": "Catalog",
            "id": "test",
            "stac_version": "1.0.0",
            "description": "painted",
            "conformsTo": CORE,
            "links": links,
        }

    def _search(self, question: dict[str, Any]) -> dict[str, Any]:
        bbox = question["bbox"]
        west, south, east, north = map(float, bbox.split(",")) if isinstance(bbox, str) else bbox
        found = [
            item
            for item in self.items
            if _fits(item, (west, south, east, north), question.get("datetime"))
        ]
        start = int(question.get("token", 0))
        features = json.loads(
            json.dumps(found[start : start + self.page]).replace("FILES/", f"{self.url}/files/")
        )
        links = []
        if start + self.page < len(found):
            body = question | {"token": start + self.page}
            links = [{"rel": "next", "href": f"{self.url}/search", "method": "POST", "body": body}]
        return {"type": "FeatureCollection", "features": features, "links": links}

    def _send_file(self, asked: Asked, name: str, query: dict[str, list[str]]) -> Answer:
        if name not in self.files:
            return Answer(status=404)
        if self.secret is not None and query.get("sig") != [self.secret]:
            return Answer(status=403)
        content, spoken = self.files[name], asked.headers.get("range")
        headers = {"accept-ranges": "bytes"}
        if not spoken:
            return Answer(content, headers=headers)
        first, _, last = spoken.removeprefix("bytes=").partition("-")
        part = content[int(first) : int(last or len(content)) + 1]
        if not part:
            return Answer(status=416)
        headers["content-range"] = f"bytes {first}-{int(first) + len(part) - 1}/{len(content)}"
        return Answer(part, status=206, headers=headers)


def _fits(item: dict[str, Any], bbox, span: str | None) -> bool:
    west, south, east, north = item["bbox"]
    if west > bbox[2] or east < bbox[0] or south > bbox[3] or north < bbox[1]:
        return False
    if not span:
        return True
    start, _, end = span.partition("/")
    date = datetime.fromisoformat(item["properties"]["datetime"])
    return datetime.fromisoformat(start) <= date <= datetime.fromisoformat(end or start)


def _as_json(body: dict[str, Any]) -> Answer:
    return Answer(json.dumps(body).encode(), content_type="application/json")
