"""Text out of HTML and Markdown, without the menus, advertisements and footers around it.

A page is cut into blocks at its paragraphs, headings, cells and the like. Menus are short blocks full of links, articles are
long blocks with few; so a block is judged by its words, its share of words inside links, and the same of its neighbours:

    links > 1/3                                                       -> boilerplate
    links of the block before <= 5/9:  content if words > 16, or next words > 15, or words before > 4
    links of the block before >  5/9:  content if words > 40, or next words > 17

Source: Kohlschütter, Fankhauser and Nejdl 2010, "Boilerplate detection using shallow text features", algorithm 2. Differs
from the paper: what the page itself calls nav, header, footer, aside or form is dropped without counting, all of an <article>
or <main> that is not mostly links is kept, and a page of which nothing would be left keeps all its blocks without links.
"""

from __future__ import annotations

from dataclasses import dataclass
from html.parser import HTMLParser

import regex

from minimm.features.cleaning import normalize_whitespace
from minimm.features.tf_idf import search_words

HIDDEN = {"script", "style", "template", "noscript", "svg", "math", "head", "iframe", "object", "select", "button"}
AROUND = {"nav", "header", "footer", "aside", "form", "menu", "dialog"}
MAIN = {"article", "main"}
TRACKED = HIDDEN | AROUND | MAIN | {"a", "pre", "div", "section", "body", "td", "li"}
BLOCKS = set(
    "address article aside blockquote body caption dd details div dl dt fieldset figcaption figure footer form "  # noqa: SIM905
    "h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section summary table tbody td tfoot th thead title tr ul".split()
)


@dataclass(frozen=True)
class Block:
    """A piece of a page between two tags that begin a new line."""

    text: str
    num_words: int
    link_share: float  # of the words
    in_main: bool  # inside <article> or <main>


def html_to_text(html: str) -> str:
    """The text of a page: its content blocks, a blank line between them. Broken HTML is read as far as it makes sense.

    >>> html_to_text("<nav><a href='/'>Home</a></nav><article><h1>Foxes</h1><p>They eat&nbsp;mice.</article>")
    'Foxes\\n\\nThey eat mice.'
    """
    parser = _BlockParser()
    parser.feed(html)
    parser.close()
    parser.end_block()
    blocks = parser.blocks
    kept = [block for number, block in enumerate(blocks) if block.in_main or is_content(blocks, number)]
    kept = [block for block in kept if block.link_share <= 1 / 3] or [b for b in blocks if b.link_share <= 1 / 3]
    return "\n\n".join(block.text for block in kept)


def is_content(blocks: list[Block], number: int) -> bool:
    """Whether block `number` belongs to the article, by its words and links and those of its neighbours."""
    nothing = Block("", 0, 0.0, False)
    before = blocks[number - 1] if number else nothing
    after = blocks[number + 1] if number + 1 < len(blocks) else nothing
    block = blocks[number]
    if block.link_share > 1 / 3:
        return False
    if before.link_share <= 5 / 9:
        return block.num_words > 16 or after.num_words > 15 or before.num_words > 4
    return block.num_words > 40 or after.num_words > 17


class _BlockParser(HTMLParser):
    """Collects `blocks`. Only tags that change what is done with text are remembered while they are open."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self._open: list[str] = []
        self._parts: list[str] = []
        self._words = self._linked = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag in BLOCKS:
            self.end_block()
        elif tag == "br":
            self._parts.append("\n")
        if tag in TRACKED:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in BLOCKS:
            self.end_block()
        if tag in self._open:  # also closes what was left open inside
            while self._open.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        if any(tag in HIDDEN or tag in AROUND for tag in self._open):
            return
        in_line = data if "pre" in self._open else regex.sub(r"\s+", " ", data)
        self._parts.append(in_line)
        words = len(search_words(data))
        self._words += words
        self._linked += words if "a" in self._open else 0

    def end_block(self) -> None:
        """Close the block that is being read, if there is text in it."""
        text = normalize_whitespace("".join(self._parts))
        if text:
            in_main = any(tag in MAIN for tag in self._open)
            self.blocks.append(Block(text, self._words, self._linked / max(self._words, 1), in_main))
        self._parts, self._words, self._linked = [], 0, 0


# Markdown, in the order in which its marks are taken away; what they mark stays, but code fences and comments go.
_MARKDOWN = [
    (regex.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", regex.DOTALL), ""),  # front matter
    (regex.compile(r"^ {0,3}(```+|~~~+).*?(?:^ {0,3}\1[`~]*[ \t]*$|\Z)", regex.DOTALL | regex.MULTILINE), ""),
    (regex.compile(r"<!--.*?(?:-->|\Z)", regex.DOTALL), ""),
    (regex.compile(r"^ {0,3}\[[^\]\n]+\]:[ \t].*$", regex.MULTILINE), ""),  # where a reference leads
    (regex.compile(r"!?\[([^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])"), r"\1"),  # links and pictures
    (regex.compile(r"<(https?://[^>\s]+)>"), r"\1"),
    (regex.compile(r"</?[a-zA-Z][^>\n]*>"), ""),
    (regex.compile(r"^ {0,3}(?:=+|-{2,}|(?:[*_-] *){3,})[ \t]*$", regex.MULTILINE), ""),  # underlines and rules
    (regex.compile(r"^ {0,3}#{1,6}[ \t]+(.*?)[ \t]*#*$", regex.MULTILINE), r"\1"),
    (regex.compile(r"^(?: {0,3}> ?)+", regex.MULTILINE), ""),
    (regex.compile(r"^[ \t]*(?:[-*+]|\d{1,3}[.)])[ \t]+(?:\[[ xX]\][ \t]+)?", regex.MULTILINE), ""),
    (regex.compile(r"^[ \t]*\|?(?:[ \t]*:?-{3,}:?[ \t]*\|)+[ \t]*(?::?-{3,}:?)?[ \t]*$", regex.MULTILINE), ""),
    (regex.compile(r"(?<!\\)(\*\*\*|\*\*|\*|___|__|~~)(?=\S)(.+?)(?<=\S)\1"), r"\2"),
    (regex.compile(r"(?<![\\\w])_(?=\S)(.+?)(?<=\S)_(?!\w)"), r"\1"),  # snake_case is no emphasis
    (regex.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)"), r"\2"),
    (regex.compile(r"^[ \t]*\|(.*?)\|?[ \t]*$", regex.MULTILINE), r"\1"),
    (regex.compile(r"(?<=\S) +\| +(?=\S)"), " "),
    (regex.compile(r"\\([\\`*_{}\[\]()#+\-.!|<>~])"), r"\1"),
]


def markdown_to_text(markdown: str) -> str:
    """What a reader of the rendered page would read, without code blocks; HTML tags inside are taken out.

    >>> markdown_to_text("# Foxes\\n\\nThey eat *mice* and [berries](b.html).\\n\\n- red\\n- grey")
    'Foxes\\n\\nThey eat mice and berries.\\n\\nred\\ngrey'
    """
    text = markdown.replace("\r\n", "\n")
    for pattern, replacement in _MARKDOWN:
        text = pattern.sub(replacement, text)
    return normalize_whitespace(text)
