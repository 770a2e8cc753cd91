"""Reads a page as a browser and a screen reader would, and says what is wrong with it."""

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Page(HTMLParser):
    """What a page links to, its pictures, ids, headings, fields and text; `faults` lists what breaks a rule."""

    def __init__(self, text):
        super().__init__()
        self.links, self.pictures, self.ids, self.sections, self.headings, self.words = [], [], [], [], [], []
        self.faults, self.scripts, self.styles, self.policy, self.handlers = [], [], [], "", []
        self._open, self._fields, self._references, self._captions = [], [], [], []
        self.feed(text)
        self.close()
        self.text = " ".join(" ".join(self.words).split())
        self._judge()

    def handle_starttag(self, tag, attrs):
        names = [name for name, _ in attrs]
        if len(names) != len(set(names)):
            self.faults.append(f"<{tag}> has an attribute twice")
        values = dict(attrs)
        self.links += [values[name] for name in ("href", "src") if name in values]
        self.handlers += [name for name in values if name.startswith("on") or name == "style"]
        self.ids += [values["id"]] if "id" in values else []
        self._references += [values[name] for name in ("aria-labelledby", "for") if name in values]
        self._note(tag, values)
        if tag not in VOID:
            self._open.append((tag, values))

    def _note(self, tag, values):
        if tag == "section":
            self.sections.append(values["id"])
        elif tag == "img":
            self.pictures.append(values)
            self.faults += [] if "alt" in values else [f"a picture without alt: {values}"]
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        elif tag in {"input", "select", "textarea"}:
            self._fields.append((values, "label" in [name for name, _ in self._open] or "aria-label" in values))
        elif tag == "table":
            self._captions.append(False)
        elif tag == "caption":
            self._captions[-1] = True
        elif values.get("http-equiv") == "Content-Security-Policy":
            self.policy = values["content"]
        elif tag in {"script", "style"}:
            (self.scripts if tag == "script" else self.styles).append((values.get("type", ""), ""))

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag):
        if not self._open or self._open[-1][0] != tag:
            self.faults.append(f"</{tag}> closes {self._open[-1] if self._open else 'nothing'}")
        else:
            self._open.pop()

    def handle_data(self, data):
        inside = self._open[-1][0] if self._open else ""
        if inside in {"script", "style"}:
            kept = self.scripts if inside == "script" else self.styles
            kept[-1] = (kept[-1][0], kept[-1][1] + data)
        else:
            self.words.append(data)

    def _judge(self):
        self.faults += [f"<{tag}> is never closed" for tag, _ in self._open]
        self.faults += [f"id {one} twice" for one in set(self.ids) if self.ids.count(one) > 1]
        self.faults += [f"no element with id {one}" for one in self._references if one not in self.ids]
        self.faults += [f"a field without a label: {values}" for values, labelled in self._fields if not labelled]
        self.faults += ["a table without a caption"] * self._captions.count(False)
        self.faults += [] if self.headings[:1] == [1] and self.headings.count(1) == 1 else ["not one h1, first"]
        self.faults += [f"h{b} after h{a}" for a, b in zip(self.headings, self.headings[1:], strict=False) if b > a + 1]
        self.faults += [f"{one} in an attribute" for one in self.handlers]
        allowed = set(re.findall(r"'sha256-([^']+)'", self.policy))
        for kind, text in [*self.scripts, *self.styles]:
            if kind != "application/json" and _digest(text) not in allowed:
                self.faults.append(f"the policy forbids {text[:40]!r}")


def _digest(text):
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
