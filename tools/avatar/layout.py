"""Sections of labelled tiles, one below the other, on a page."""

from collections.abc import Sequence

from attrs import field, frozen
from PIL import Image, ImageDraw, ImageFont

WIDTH_PX, MARGIN_PX, GAP_PX = 2400, 48, 10
PAGE, TEXT, FAINT, STRESSED = "#15181c", "#e6e9ed", "#98a1ac", "#ffb454"
HEADING_PX, TITLE_PX, LABEL_PX, LEAST_PX = 64, 34, 24, 12
LINE = 1.35  # of a letter's height


@frozen(eq=False)
class Tile:
    """label: below the picture, in one line. note: below the label, fainter. stressed: the label stands out."""

    picture: Image.Image
    label: str
    note: str = ""
    stressed: bool = False


def _whole_rows(section: "Section", attribute: object, tiles: Sequence[Tile]) -> None:
    if not tiles or len(tiles) % section.columns:
        raise ValueError(f"{len(tiles)} tiles do not fill rows of {section.columns}")


@frozen(eq=False)
class Section:
    """Tiles of one size in whole rows. title: with what is to be known, ``about`` it, in fainter letters beside it."""

    title: str
    about: str
    columns: int
    tiles: Sequence[Tile] = field(validator=_whole_rows)

    @property
    def step_px(self) -> float:
        """From column to column."""
        return (WIDTH_PX - 2 * MARGIN_PX + GAP_PX) / self.columns

    @property
    def tile_px(self) -> tuple[int, int]:
        """Width and height of a picture, in the form of the first."""
        width = int(self.step_px) - GAP_PX
        first = self.tiles[0].picture
        return width, round(width * first.height / first.width)

    @property
    def label_px(self) -> int:
        """As large as the longest label allows."""
        longest = max(max(_font(100).getlength(text) for text in (tile.label, tile.note)) for tile in self.tiles)
        return max(LEAST_PX, min(LABEL_PX, int(100 * self.tile_px[0] / max(longest, 1))))

    @property
    def row_px(self) -> int:
        lines = 1 + any(tile.note for tile in self.tiles)
        return self.tile_px[1] + round(lines * LINE * self.label_px) + 2 * GAP_PX

    @property
    def height_px(self) -> int:
        return 2 * TITLE_PX + len(self.tiles) // self.columns * self.row_px


def page(heading: str, about: str, sections: Sequence[Section]) -> Image.Image:
    """RGB, WIDTH_PX wide."""
    height = 2 * MARGIN_PX + 2 * HEADING_PX + sum(section.height_px + MARGIN_PX for section in sections) - MARGIN_PX
    sheet = Image.new("RGB", (WIDTH_PX, height), PAGE)
    pen = ImageDraw.Draw(sheet)
    _line(pen, MARGIN_PX, heading, about, HEADING_PX)
    top = MARGIN_PX + 2 * HEADING_PX
    for section in sections:
        _line(pen, top, section.title, section.about, TITLE_PX)
        _tiles(sheet, pen, section, top + 2 * TITLE_PX)
        top += section.height_px + MARGIN_PX
    return sheet


def _tiles(sheet: Image.Image, pen: ImageDraw.ImageDraw, section: Section, top: int) -> None:
    width, height = section.tile_px
    font = _font(section.label_px)
    for number, tile in enumerate(section.tiles):
        row, column = divmod(number, section.columns)
        x, y = MARGIN_PX + round(column * section.step_px), top + row * section.row_px
        sheet.paste(tile.picture.resize((width, height), Image.Resampling.LANCZOS), (x, y))
        below = (x + width // 2, y + height + GAP_PX // 2)
        pen.text(below, tile.label, STRESSED if tile.stressed else TEXT, font, anchor="ma")
        pen.text((below[0], below[1] + LINE * section.label_px), tile.note, FAINT, font, anchor="ma")


def _line(pen: ImageDraw.ImageDraw, top: int, title: str, about: str, size_px: int) -> None:
    large, small = _font(size_px), _font(size_px * 2 // 3)
    pen.text((MARGIN_PX, top + size_px), title, TEXT, large, anchor="ls")
    pen.text((MARGIN_PX + large.getlength(title) + size_px // 2, top + size_px), about, FAINT, small, anchor="ls")


def _font(size_px: int) -> ImageFont.FreeTypeFont:
    """Pillow's own."""
    return ImageFont.load_default(size_px)
