"""A file seen as plain colours: three bands or one, and a mask where alpha or a palette says so."""

from __future__ import annotations

from xml.sax.saxutils import escape

import numpy as np
import rasterio
from rasterio.enums import MaskFlags
from rasterio.errors import RasterioError
from rasterio.io import DatasetReader

from mapsight.errors import InputError
from mapsight.geo.colours import Colours, is_plain

_TYPES = {
    "uint8": "Byte",
    "int8": "Int8",
    "uint16": "UInt16",
    "int16": "Int16",
    "uint32": "UInt32",
    "int32": "Int32",
    "float32": "Float32",
    "float64": "Float64",
}
_NAMES = ("Red", "Green", "Blue")
# A virtual file opens its source with any driver, so only those may stand behind it whose first
# bytes (checked before) no other driver takes for its own.
_SAFE = frozenset({"GTiff", "PNG"})


def view_colours(source: DatasetReader, colours: Colours) -> tuple[DatasetReader, tuple[int, ...]]:
    """The file as `colours` has it, and which bands of that are the colours (from 1).

    The file itself where it is plain. Else a view over it, which must stay open as long. Raises
    InputError for a kind of file that no view can be had of.
    """
    if is_plain(source, colours):
        return source, colours.bands
    kinds = {source.dtypes[band - 1] for band in colours.bands}
    if source.driver not in _SAFE or not kinds <= set(_TYPES):
        raise InputError(
            source.name, "its alpha or palette cannot be read in this format", "save it as GeoTIFF"
        )
    width, height = source.width, source.height
    crs = f"<SRS>{escape(source.crs.to_wkt())}</SRS>" if source.crs else ""
    place = ", ".join(repr(float(part)) for part in source.transform.to_gdal())
    bands = _palette_bands(source) if colours.palette else _colour_bands(source, colours)
    text = (
        f'<VRTDataset rasterXSize="{width}" rasterYSize="{height}">{crs}'
        f"<GeoTransform>{place}</GeoTransform>{''.join(bands)}{_mask_band(source, colours)}"
        "</VRTDataset>"
    )
    try:
        view = rasterio.open(text, driver="VRT")
    except RasterioError:
        raise InputError(source.name, "its bands cannot be read", "save it as RGB") from None
    return view, tuple(range(1, len(bands) + 1))


def _colour_bands(source: DatasetReader, colours: Colours) -> list[str]:
    kinds = [_TYPES[source.dtypes[band - 1]] for band in colours.bands]
    names = _NAMES if len(colours.bands) == 3 else ("Gray",)
    nodata = "" if source.nodata is None else f"<NoDataValue>{source.nodata!r}</NoDataValue>"
    return [
        f'<VRTRasterBand dataType="{kind}" band="{number}">{nodata}<ColorInterp>{name}'
        f"</ColorInterp><SimpleSource>{_refer(source, band)}</SimpleSource></VRTRasterBand>"
        for number, (band, kind, name) in enumerate(
            zip(colours.bands, kinds, names, strict=True), 1
        )
    ]


def _palette_bands(source: DatasetReader) -> list[str]:
    return [
        f'<VRTRasterBand dataType="Byte" band="{number}"><ColorInterp>{name}</ColorInterp>'
        f"<ComplexSource>{_refer(source, 1)}<ColorTableComponent>{number}</ColorTableComponent>"
        "</ComplexSource></VRTRasterBand>"
        for number, name in enumerate(_NAMES, 1)
    ]


def _mask_band(source: DatasetReader, colours: Colours) -> str:
    """What says where there is data, as 0 and 255: alpha, a palette's clear entries, or a mask."""
    if colours.alpha is not None:
        table = f"<LUT>0:0,{colours.opaque:.17g}:255</LUT>"
        inner = f"<ComplexSource>{_refer(source, colours.alpha)}{table}</ComplexSource>"
    elif colours.palette and source.nodata is not None:
        nodata = f"<NODATA>{source.nodata!r}</NODATA>"
        all_else = "<ScaleOffset>255</ScaleOffset><ScaleRatio>0</ScaleRatio>"
        inner = f"<ComplexSource>{_refer(source, 1)}{all_else}{nodata}</ComplexSource>"
    elif colours.palette and any(entry[3] < 255 for entry in source.colormap(1).values()):
        component = "<ColorTableComponent>4</ColorTableComponent>"
        inner = f"<ComplexSource>{_refer(source, 1)}{component}</ComplexSource>"
    elif _has_mask(source, colours):
        inner = f"<SimpleSource>{_refer(source, f'mask,{colours.bands[0]}')}</SimpleSource>"
    else:
        return ""
    return f'<MaskBand><VRTRasterBand dataType="Byte">{inner}</VRTRasterBand></MaskBand>'


def _has_mask(source: DatasetReader, colours: Colours) -> bool:
    """Whether a mask beside or inside the file says where there is data."""
    flags = source.mask_flag_enums[colours.bands[0] - 1]
    return MaskFlags.per_dataset in flags and MaskFlags.alpha not in flags


def _refer(source: DatasetReader, band: int | str) -> str:
    name = escape(source.name)
    return (
        f'<SourceFilename relativeToVRT="0" shared="0">{name}</SourceFilename>'
        f"<SourceBand>{band}</SourceBand>"
    )


def describe_nodata(view: DatasetReader, colours: Colours) -> str | None:
    """What declares no data, in words; None where nothing does."""
    flags = view.mask_flag_enums[0]
    if flags == [MaskFlags.all_valid]:
        return None
    if colours.alpha is not None:
        top = np.dtype(view.dtypes[0])
        odd = np.issubdtype(top, np.integer) and colours.opaque < np.iinfo(top).max
        return (
            f"no data: alpha band, opaque from {colours.opaque:g}" if odd else "no data: alpha band"
        )
    if MaskFlags.nodata in flags:
        return f"no data: value {view.nodata:g}"
    return (
        "no data: clear colours of the palette" if colours.palette else "no data: mask of the file"
    )


def find_near_blanks(view: DatasetReader) -> tuple[int, ...]:
    """Which of 0 and 255 stand for no data, so that values next to them may be its noise.

    Lossy compression blurs a declared value, too. An alpha band or a mask is exact.
    """
    flags = view.mask_flag_enums[0]
    if flags == [MaskFlags.all_valid]:
        return 0, 255
    return tuple(value for value in (0, 255) if MaskFlags.nodata in flags and view.nodata == value)
