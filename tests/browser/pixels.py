"""Colours of a small screenshot, read without an image library: PNG of 8 bits per channel, not interlaced."""

import struct
import zlib

SIGNATURE = 8  # bytes before the first chunk
CHANNELS = {2: 3, 6: 4}  # colour type: bytes per pixel


def colours(png):
    """Every colour in the picture as `#rrggbb`, from the darkest to the lightest."""
    width, channels, data = _unpack(png)
    found, above = set(), bytearray(width * channels)
    for start in range(0, len(data), width * channels + 1):
        line = _unfiltered(
            data[start], bytearray(data[start + 1 : start + 1 + width * channels]), above, channels
        )
        found |= {bytes(line[at : at + 3]) for at in range(0, len(line), channels)}
        above = line
    return [f"#{colour.hex()}" for colour in sorted(found, key=sum)]


def _unpack(png):
    at, packed, width, channels = SIGNATURE, b"", 0, 0
    while at < len(png):
        size, kind = struct.unpack(">I4s", png[at : at + 8])
        body = png[at + 8 : at + 8 + size]
        if kind == b"IHDR":
            width, _, depth, colour, *_ = struct.unpack(">IIBBBBB", body)
            assert depth == 8
            channels = CHANNELS[colour]
        elif kind == b"IDAT":
            packed += body
        at += size + 12
    return width, channels, zlib.decompress(packed)


def _unfiltered(kind, line, above, channels):
    for at in range(len(line)):
        left = line[at - channels] if at >= channels else 0
        corner = above[at - channels] if at >= channels else 0
        line[at] = (line[at] + _guess(kind, left, above[at], corner)) & 255
    return line


def _guess(kind, left, up, corner):
    if kind == 4:
        far = [(abs(left + up - corner - one), n, one) for n, one in enumerate((left, up, corner))]
        return min(far)[2]
    return (0, left, up, (left + up) // 2)[kind]
