"""A small reader of mail HTML: tags in order with the colours they inherit, for the mechanical mail checks."""

import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(
    {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"}
)
LINEAR_BELOW = 0.04045  # WCAG 2: below it the sRGB curve is a straight line
HEX = re.compile(r"#([0-9a-fA-F]{6})\b")


@dataclass
class Tag:
    """One element: name, attributes, style declarations, inherited colours, own text."""

    name: str
    attrs: dict[str, str]
    style: dict[str, str]
    ink: str
    ground: str
    hidden: bool
    order: int
    text: str = ""


@dataclass
class MailHtml(HTMLParser):
    """Feed the HTML, then read `tags`, `unbalanced` and `doctype`."""

    tags: list[Tag] = field(default_factory=list)
    unbalanced: list[str] = field(default_factory=list)
    doctype: bool = False

    def __post_init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[Tag] = []

    def handle_decl(self, decl: str) -> None:
        self.doctype = self.doctype or decl.lower().startswith("doctype html")

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attrs}
        style = declarations(found.get("style", ""))
        above = self._open[-1] if self._open else Tag("", {}, {}, "#000000", "#ffffff", hidden=False, order=0)
        element = Tag(
            tag,
            found,
            style,
            ink=colour(style.get("color", "")) or above.ink,
            ground=colour(style.get("background", "")) or colour(found.get("bgcolor", "")) or above.ground,
            hidden=above.hidden or style.get("display") == "none",
            order=len(self.tags),
        )
        self.tags.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1].name == tag:
            self._open.pop()
        else:
            self.unbalanced.append(tag)

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def named(self, *names: str) -> list[Tag]:
        """Elements of these names, in source order."""
        return [tag for tag in self.tags if tag.name in names]


def read(html: str) -> MailHtml:
    """The mail's HTML, read to its end; elements left open count as unbalanced."""
    reader = MailHtml()
    reader.feed(html)
    reader.close()
    reader.unbalanced += [tag.name for tag in reader._open]
    return reader


def declarations(style: str) -> dict[str, str]:
    """`a:b;c:d` as a mapping, names in lower case."""
    pairs = (part.split(":", 1) for part in style.split(";") if ":" in part)
    return {name.strip().lower(): value.strip() for name, value in pairs}


def colour(text: str) -> str:
    """The first six-digit colour in a style value, else empty."""
    found = HEX.search(text)
    return f"#{found.group(1).lower()}" if found else ""


def contrast(first: str, second: str) -> float:
    """WCAG contrast ratio of two six-digit colours, 1 to 21."""
    light, dark = sorted((_luminance(first), _luminance(second)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(text: str) -> float:
    channels = [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= LINEAR_BELOW else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
