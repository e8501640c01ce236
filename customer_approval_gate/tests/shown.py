# Copyright 2026 Customer Approval Gate contributors
# License LGPL-3.0 or later (https://www.gnu.org/licenses/lgpl).
"""What a page, a mail or a view says to whoever reads it: by its elements, so that
neither a comment, nor a script, nor an attribute is taken for what is read."""

from lxml import etree, html

INLINE = {"a", "b", "em", "i", "label", "s", "small", "span", "strong", "u"}
"""Elements that a text goes on in."""

ADDRESSES = ("href", "action", "src", "content")


def parse(source):
    """Return the tree of a page, a mail or a part of one.

    :param source: HTML, or the response that has it
    """
    text = str(getattr(source, "text", source))
    if "<html" in text[:500]:
        return html.document_fromstring(text)
    return html.fromstring(f"<div>{text}</div>")


def fold(text):
    """Return a text as a browser shows it: spaces are one, of whatever kind."""
    return " ".join(text.split())


def read(source):
    """Return all that a person reads, and what stands in fields to be filled in."""
    tree = parse(source)
    for node in tree.xpath("//script | //style | //template | //title"):
        node.drop_tree()
    for node in tree.iter(etree.Element):
        if node.tag not in INLINE:
            # What stands in two blocks is not one word.
            node.tail = f" {node.tail or ''}"
            node.text = f" {node.text or ''}"
    fields = tree.xpath("//input[not(@type='hidden')]/@value")
    return fold(" ".join([tree.text_content(), *fields]))


def find(source, name):
    """Return the elements of a class."""
    path = f"//*[contains(concat(' ', normalize-space(@class), ' '), ' {name} ')]"
    return parse(source).xpath(path)


class ShownMixin:
    """Assertions about what is shown."""

    def assertShows(self, text, source, msg=None):
        self.assertIn(fold(text), read(source), msg)

    def assertShowsNot(self, text, source, msg=None):
        self.assertNotIn(fold(text), read(source), msg)

    def assertHas(self, source, name, msg=None):
        """There are elements of a class."""
        self.assertTrue(find(source, name), msg or f"nothing is a {name}")

    def assertLacks(self, source, name, msg=None):
        """There is no element of a class."""
        self.assertFalse(find(source, name), msg or f"something is a {name}")

    def _read_addresses(self, source):
        return [
            value
            for node in parse(source).iter(etree.Element)
            for key, value in node.attrib.items()
            if key in ADDRESSES or key.startswith("data-")
        ]

    def assertLinks(self, address, source, msg=None):
        """Something leads to an address, or to one that has this part."""
        addresses = self._read_addresses(source)
        self.assertTrue(any(address in own for own in addresses), msg or addresses)

    def assertLinksNot(self, address, source, msg=None):
        """Nothing leads there, and nobody reads it."""
        addresses = self._read_addresses(source)
        self.assertFalse(any(address in own for own in addresses), msg or addresses)
        self.assertNotIn(address, read(source), msg)

    def assertRunsNothing(self, source, msg=None):
        """No script of anybody's but our own runs."""
        tree = parse(source)
        scripts = [
            node for node in tree.xpath("//script") if "alert(" in node.text_content()
        ]
        handlers = tree.xpath("//@*[starts-with(name(), 'on')][contains(., 'alert(')]")
        addresses = [
            value
            for value in tree.xpath("//@href | //@src | //@action | //@formaction")
            if value.strip().lower().startswith(("javascript:alert", "data:text/html"))
        ]
        frames = tree.xpath("//@srcdoc")
        self.assertFalse([*scripts, *handlers, *addresses, *frames], msg)
