"""The inner network: which addresses lie in it, and that nobody is led there by somebody else.

A service's words (a redirect, an asset of a catalogue, a name in a public registry) may point at
this machine or its network. Every name is therefore resolved once, every address of it is checked,
and the connection goes to the checked address.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import threading
import unicodedata
import urllib.request
from collections.abc import Iterable
from typing import Any
from urllib.parse import urlsplit

from mapsight.errors import InputError, MapsightError

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE = ipaddress.ip_network("::/96")  # IPv4 in IPv6, as it was once written
_PORTS = {"http": 80, "https": 443}
_NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.I)
_INNER_NAMES = (".localhost", ".internal", ".local", ".lan", ".home.arpa", ".intranet", ".corp")


def is_inner(address: IpAddress) -> bool:
    """Whether an address is this machine's or its network's, also where it wraps one that is."""
    return not address.is_global or address.is_multicast or any(map(is_inner, _unwrap(address)))


def is_inward(host: str | None) -> bool:
    """Whether a host says of itself, in whatever spelling, that it is this machine or its
    network's.
    """
    name = unicodedata.normalize("NFKC", host or "").rstrip(".").lower()
    if name == "localhost" or name.endswith(_INNER_NAMES):
        return True
    address = _read_number(name)
    return address is not None and is_inner(address)


def check_host(host: str) -> None:
    """InputError for an address in a spelling that hides what it is, such as 127.1, 2130706433,
    0x7f.1 or [::ffff:127.0.0.1].
    """
    name = unicodedata.normalize("NFKC", host).rstrip(".").lower()
    if "%" in name:
        raise InputError(repr(host[:80]), "is no name of a host", "write it without %")
    address = _read_number(name)
    if address is None:
        return
    inside = next(iter(_unwrap(address)), None)
    plain = str(inside or address)
    if inside is not None or (address.version == 4 and (name != plain or host != plain)):
        raise InputError(
            repr(host[:80]), "is an address in a spelling that hides it", f"write it as {plain}"
        )


class Guard:
    """Which hosts of the inner network may be asked: those that the user named.

    `inner_hosts`: names or addresses, with or without :port. An address that the user typed is
    named, too, if it says plainly where it leads: in numbers, or as localhost.
    """

    def __init__(self, inner_hosts: Iterable[str] = ()) -> None:
        self._named = {_strip(host) for host in inner_hosts}
        self._typed: set[tuple[str, int]] = set()
        self._lock = threading.Lock()

    def trust(self, url: str) -> None:
        """Take an address as typed by the user."""
        host, port = find_origin(url)
        address = _read_number(host)
        plain = address is not None and not (address.is_link_local or address.is_unspecified)
        if host == "localhost" or plain:
            with self._lock:
                self._typed.add((host, port))

    def find_addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a host, each of them checked; InputError where one is inner and was not
        named, OSError where there is none.
        """
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        self._check(host, port, addresses)
        return addresses

    def check_by_proxy(self, url: str) -> None:
        """The same, where a proxy will resolve the name: it may know names that we do not."""
        host, port = find_origin(url)
        try:
            self.find_addresses(host, port)
        except OSError:
            return

    def _check(self, host: str, port: int, addresses: list[str]) -> None:
        name = _strip(host)
        if {name, f"{name}:{port}", f"[{name}]:{port}"} & self._named:
            return
        if (name, port) in self._typed:
            return
        inner = next((one for one in addresses if is_inner(_read_address(one))), None)
        if inner is not None:
            raise InputError(
                f"{host}:{port}",
                f"lies in the inner network ({inner}), and you did not name it",
                f"if it is a server of your own, say --inner-host {name}:{port}",
            )


def find_origin(url: str) -> tuple[str, int]:
    """(host, port) of a checked address."""
    parts = urlsplit(url)
    return _strip(parts.hostname or ""), parts.port or _PORTS.get(parts.scheme.lower(), 80)


def find_proxy(url: str) -> str | None:
    """The proxy that the environment names for an address, if any: it is the user's own."""
    parts = urlsplit(url)
    proxies = urllib.request.getproxies()
    proxy = proxies.get(parts.scheme.lower()) or proxies.get("all")
    return None if not proxy or urllib.request.proxy_bypass(parts.netloc) else proxy


def make_backend(guard: Guard, httpcore: Any) -> Any:
    """How httpcore opens connections: to checked addresses, one after the other."""

    class CheckedBackend(httpcore.SyncBackend):  # type: ignore[misc]
        def connect_tcp(self, host: str, port: int, *args: Any, **kwargs: Any) -> Any:
            try:
                addresses = guard.find_addresses(host, port)
            except (OSError, UnicodeError) as error:
                raise httpcore.ConnectError(str(error)) from None
            fault: Exception = httpcore.ConnectError("no address")
            for address in addresses:
                try:
                    return super().connect_tcp(address, port, *args, **kwargs)
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    fault = error
            raise fault

        def connect_unix_socket(self, *_: Any, **__: Any) -> Any:
            raise MapsightError("a socket of this machine", "is no service", "use its address")

    return CheckedBackend()


def _strip(host: str) -> str:
    return host.strip("[]").rstrip(".").lower()


def _read_address(text: str) -> IpAddress:
    return ipaddress.ip_address(text.partition("%")[0])


def _read_number(name: str) -> IpAddress | None:
    """The address that a host is in numbers, in any spelling that a resolver takes; else None."""
    bare = name.strip("[]").partition("%")[0]
    try:
        return ipaddress.ip_address(bare)
    except ValueError:
        pass
    if not all(_NUMBER.fullmatch(part) for part in bare.split(".")):
        return None
    try:
        return ipaddress.IPv4Address(socket.inet_aton(bare))
    except (OSError, ValueError):
        return None


def _unwrap(address: IpAddress) -> Iterable[IpAddress]:
    """The IPv4 addresses that an IPv6 address carries."""
    if not isinstance(address, ipaddress.IPv6Address):
        return
    if address.ipv4_mapped is not None:
        yield address.ipv4_mapped
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if address in _NAT64 or (address in _COMPATIBLE and int(address) > 0xFFFF):
        yield ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
