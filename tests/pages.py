"""Reads a page as a browser would, to say what is wrong with it."""

from html.parser import HTMLParser

ALONE = {"meta", "br"}


class Reader(HTMLParser):
    """What a browser finds: open tags that nobody closed, text, and what is accessible."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.text: list[str] = []
        self.ids: list[str] = []
        self.order: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag, attrs) -> None:
        self.order.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in ALONE:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs) -> None:
        self.order.append((tag, dict(attrs)))

    def handle_endtag(self, tag) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data) -> None:
        self.text.append(data)


def read(made: str) -> Reader:
    reader = Reader()
    reader.feed(made)
    reader.close()
    return reader
