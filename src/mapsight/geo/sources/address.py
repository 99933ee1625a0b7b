"""Addresses of services: only http and https; keys come from the environment and are never
shown.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from mapsight.errors import InputError
from mapsight.geo.sources.inner import check_host, is_inward

_ENV = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]{0,63})\}")
_KEY_NAMES = (
    r"(?:api_?key|key|access_?token|token|sig|signature|secret|password|pwd|subscription-key)"
)
_LITERAL_KEY = re.compile(rf"[?&]({_KEY_NAMES})=([^&{{]+)", re.I)


@dataclass(frozen=True)
class Address:
    """`url` as it is fetched (never printed, logged or recorded) and `shown`, in which keys are
    left out; `typed` by the user, or told by a service.
    """

    url: str
    shown: str
    typed: bool = False

    def __str__(self) -> str:
        return self.shown

    def __repr__(self) -> str:
        return f"Address({self.shown!r})"


def fill_keys(template: str) -> Address:
    """Replace each {env:NAME}; InputError for keys written out, unset variables, and what is not
    http(s).
    """
    check_url(template)
    if found := _LITERAL_KEY.search(template):
        raise InputError(
            f"{found[1]}=…",
            "a key written out would end up in histories and records",
            f"put it into a variable and write {found[1]}={{env:NAME}}",
        )
    return Address(_ENV.sub(lambda found: _read_key(found[1]), template), template, typed=True)


def check_url(url: str) -> None:
    """InputError unless it is an http(s) URL with a host and without user, password or control
    characters.
    """
    shown = repr(url[:80]).split("?")[0]
    if len(url) > 8000 or re.search(r"[\x00-\x20\x7f\\]", url):
        raise InputError(shown, "is no address of a service", "write it as https://host/path")
    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if not host or parts.scheme.lower() not in ("http", "https"):
        raise InputError(
            shown, "expected an http or https address", "write it as https://host/path"
        )
    if "@" in parts.netloc:
        raise InputError(
            f"{parts.scheme}://…@{host}",
            "user and password do not belong into an address",
            "give the key as {env:NAME}",
        )
    check_host(host)


def follow(url: str, location: str) -> str:
    """The target of a redirect; InputError where it leaves http(s), drops to plain http, or turns
    inwards.
    """
    target = urljoin(url, location)
    check_url(target)
    old, new = urlsplit(url), urlsplit(target)
    if old.scheme.lower() == "https" and new.scheme.lower() != "https":
        raise InputError(
            old.hostname, "redirects from https to http", "use the final address, if you trust it"
        )
    if is_inward(new.hostname) and not is_inward(old.hostname):
        raise InputError(
            old.hostname, "redirects into the local network", "do not use this service"
        )
    return target


def _read_key(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise InputError(
            f"{{env:{name}}}", "this environment variable is not set", f"export {name}=… first"
        )
    if not re.fullmatch(r"[\w\-.~!$&'()*+,;=:@%/]{1,4096}", value, re.ASCII):
        raise InputError(
            f"{{env:{name}}}", "holds characters that no address can have", "percent-encode it"
        )
    return value
