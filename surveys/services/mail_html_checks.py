"""The part of the mail checklist that reads the HTML: structure, look, reading order (C27–C40)."""

from collections import Counter

from surveys.formulas.mail_html import MailHtml, Tag, colour, contrast
from surveys.formulas.scales import SCALES

TEXT_RATIO, BORDER_RATIO = 4.5, 3.0
MAX_WIDTH = 600  # px
MIN_TARGET, MIN_ROW = 24, 44  # px
PHONE = 320  # px
PREHEADER = range(40, 91)  # characters
FORBIDDEN = ("script", "form", "iframe", "object", "link", "embed", "input", "button")

Line = tuple[str, object, str]


def structure(page: MailHtml, *, base: str, subject: str) -> list[Line]:
    """C27–C30, C37–C40: doctype and head, nothing active, tables as layout, images, preheader, balance."""
    html = (page.named("html") or [None])[0]
    title = (page.named("title") or [None])[0]
    metas = {tag.attrs.get("name") for tag in page.named("meta")}
    styles = " ".join(tag.text for tag in page.named("style"))
    active = [tag.name for tag in page.named(*FORBIDDEN)]
    loose = [tag for tag in page.named("table") if not _is_layout(tag)]
    images = [tag for tag in page.named("img") if not _is_good_image(tag, base)]
    ids = Counter(tag.attrs["id"] for tag in page.tags if tag.attrs.get("id"))
    preheader = next(
        (tag.text.strip() for tag in page.named("div") if tag.style.get("display") == "none"), ""
    )
    heading = html is not None and {"lang", "dir"} <= set(html.attrs)
    events = [name for tag in page.tags for name in tag.attrs if name.startswith("on")]
    return [
        ("C27", page.doctype and heading and title and title.text.strip() == subject and {"viewport", "color-scheme"} <= metas, "head of the document"),
        ("C28", not active and not events and "@import" not in styles and "url(" not in styles, f"active content {active}{events}"),
        ("C29", not loose, f"{len(loose)} tables are not plain layout"),
        ("C30", not images, "an image without text, size or own host"),
        ("C38", not page.named("svg", "marquee", "video"), "markup that is not ours"),
        ("C39", len(preheader) in PREHEADER and preheader != subject, f"preheader of {len(preheader)} characters"),
        ("C40", not page.unbalanced and not [name for name, times in ids.items() if times > 1], f"{page.unbalanced} {ids}"),
    ]  # fmt: skip


def look(page: MailHtml) -> list[Line]:
    """C31–C34: contrast, both colours on coloured cells, widths, target sizes."""
    shown = [
        tag for tag in page.tags if not tag.hidden and tag.name in {"td", "p", "a", "h1"} and tag.text.strip()
    ]
    pale = [tag for tag in shown if contrast(tag.ink, tag.ground) < TEXT_RATIO]
    keys = [tag for tag in page.named("td") if "key" in tag.attrs.get("class", "").split()]
    faint = [
        key
        for key in keys
        if contrast(colour(key.style.get("border", "")) or key.ground, key.ground) < BORDER_RATIO
    ]
    half = [key for key in keys if not key.attrs.get("bgcolor") or not key.style.get("background")]
    wide = [tag for tag in page.tags if _px(tag.attrs.get("width", "")) > MAX_WIDTH]
    low = [key for key in keys if _px(key.attrs.get("height", "")) < MIN_ROW]
    per_row = _most_in_a_row(page)
    narrow = per_row and (PHONE - 16) / per_row < MIN_TARGET
    return [
        ("C31", not pale and not faint, f"{len(pale)} texts and {len(faint)} borders are too pale"),
        ("C32", not half, "a coloured cell without both colours"),
        ("C33", not wide, "something is wider than 600 px"),
        ("C34", keys and not low and not narrow, f"{len(low)} low targets, {per_row} in a row"),
    ]


def reading_order(page: MailHtml, *, kind: str, is_rated: bool) -> list[Line]:
    """C36: the text of a rating link begins with its number; question and scale come before it in the source."""
    rating = [tag for tag in page.named("a") if "?r=" in tag.attrs.get("href", "")]
    heading = (page.named("h1") or [None])[0]
    if not is_rated:
        return [("C36", heading and not rating, "an anonymous mail carries the question and no rating link")]
    named = all(_begins_with_number(tag) for tag in rating)
    before = bool(heading and rating and heading.order < rating[0].order)
    if kind == "nps" and before:
        told = " ".join(tag.text for tag in page.named("p") if tag.order < rating[0].order)
        before = all(f"{end} – " in told for end in (SCALES[kind].low, SCALES[kind].high))
    return [("C36", named and before, "question and ends must come before numbered links")]


def _begins_with_number(tag: Tag) -> bool:
    number = tag.attrs["href"].partition("?r=")[2]
    return tag.text.split(" ")[0].strip() == number


def _is_layout(tag: Tag) -> bool:
    attrs = tag.attrs
    return (
        attrs.get("role") == "presentation"
        and attrs.get("cellpadding") == "0"
        and attrs.get("border") == "0"
        and attrs.get("cellspacing") in {"0", "1"}
    )


def _is_good_image(tag: Tag, base: str) -> bool:
    sized = {"alt", "width", "height"} <= set(tag.attrs)
    return sized and tag.attrs.get("src", "").startswith(base) and _px(tag.attrs["width"]) > 1


def _px(text: str) -> int:
    """Pixels of a width or height attribute; percentages and nothing are 0."""
    return int(text) if text.isascii() and text.isdigit() else 0


def _most_in_a_row(page: MailHtml) -> int:
    """How many rating cells stand in one table row."""
    most, now = 0, 0
    for tag in page.named("tr", "td"):
        if tag.name == "tr":
            now = 0
        elif "key" in tag.attrs.get("class", "").split():
            now += 1
            most = max(most, now)
    return most
