"""Content codings of a body (RFC 9110, 8.4.1): which there are, undone piece by piece."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator

# what is registered and not asked for; a word that is no coding at all ('none', 'utf-8') is noise
_UNASKED = frozenset(
    {"aes128gcm", "br", "compress", "dcb", "dcz", "exi", "pack200-gzip", "x-compress", "zstd"}
)
_GZIP = frozenset({"gzip", "x-gzip"})
_PIECE_BYTES = 2**16


class CodingError(Exception):
    """A body whose coding cannot be undone; the message says why."""


def name_coding(header: str) -> str:
    """'gzip', 'deflate' or 'identity' for a Content-Encoding in whatever spelling.

    Raises CodingError for what was not asked for, and for codings in codings: each can be a bomb.
    """
    words = [word for part in header.split(",") if (word := part.strip(" \t\"'").lower())]
    known = ["gzip" if word in _GZIP else word for word in words]
    if unasked := next((word for word in known if word in _UNASKED), None):
        raise CodingError(f"sends the encoding {unasked}, which was not asked for")
    real = [word for word in known if word in ("gzip", "deflate")]
    if len(real) > 1:
        raise CodingError("sends an encoding inside an encoding, which was not asked for")
    return real[0] if real else "identity"


def undo_coding(pieces: Iterable[bytes], coding: str) -> Iterator[bytes]:
    """The body of a coding that `name_coding` named, in bounded pieces.

    A body that says gzip and is not packed comes as it is: some servers say it of what their store
    has unpacked. Raises CodingError for a body that is damaged or breaks off.
    """
    held = iter(pieces)
    head = b""
    for piece in held:
        head += piece
        if len(head) >= 2:
            break
    bits = _window_bits(head, coding)
    if bits is None:
        yield head
        yield from held
        return
    unpacker = zlib.decompressobj(bits)
    for piece in _chain(head, held):
        rest = piece
        while rest:
            if unpacker.eof:  # one gzip member after the other is one body (RFC 1952, 2.2)
                if bits < 0 or not rest.startswith(b"\x1f"):
                    return
                unpacker = zlib.decompressobj(bits)
            try:
                yield unpacker.decompress(rest, _PIECE_BYTES)
            except zlib.error:
                raise CodingError("sends a packed body that is damaged") from None
            rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
    if not unpacker.eof:
        raise CodingError("sends a packed body that breaks off")


def _window_bits(head: bytes, coding: str) -> int | None:
    """How zlib reads the body, None for as it is. 'deflate' is zlib's format, or bare in some
    servers.
    """
    if coding == "gzip" and head.startswith(b"\x1f\x8b"):
        return 16 + zlib.MAX_WBITS
    if coding == "deflate" and head:
        wrapped = (
            len(head) > 1 and head[0] & 0x0F == 8 and int.from_bytes(head[:2], "big") % 31 == 0
        )
        return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
    return None


def _chain(head: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield head
    yield from rest
