"""READMEs of the repository as pages, their links turned to where the page is."""

import os
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
#: A page that consists of such a line holds that file's text.
HERE = re.compile(r'^<!-- readme: (\S+) -->$', re.M)
LINK = re.compile(r'(\]\()(?!\w+:)([^)#\s]+)([^)\s]*\))')


def insert(app, docname, source):
    """Put READMEs in the place of the lines that name them."""
    pages = {}  # file -> the page that holds it
    for page in Path(app.srcdir).rglob('*.md'):
        for name in HERE.findall(page.read_text(encoding='utf-8')):
            pages[ROOT / name] = page
    here = Path(app.srcdir, docname).parent

    def text_of(match):
        file = ROOT / match.group(1)
        app.env.note_dependency(str(file))

        def turned(link):
            target = (file.parent / link.group(2)).resolve()
            target = pages.get(target, target)
            return link.group(1) + os.path.relpath(target, here) + link.group(3)

        return LINK.sub(turned, file.read_text(encoding='utf-8'))

    source[0] = HERE.sub(text_of, source[0])


def setup(app):
    app.connect('source-read', insert)
    return dict(parallel_read_safe=True, parallel_write_safe=True)
