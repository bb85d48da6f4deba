"""The `detail` of a card as HTML: Markdown with tables, and nothing that a hostile service could use."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markupsafe import Markup

# Raw HTML stays text, images are off (a remote image would tell who reads the chart), and the library itself
# refuses javascript:, vbscript:, file: and data: links.
_READER = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def safe_html(text: str) -> Markup:
    """Render to HTML that is safe to show."""
    return Markup(_READER.render(text))
