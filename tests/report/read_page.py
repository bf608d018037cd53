"""read_page.py PAGE: what a page of `dnw report` holds, without dnw and without a browser.

data: the JSON of the page. snapshots(wiring): (position, one list of edges a line) for each snapshot, where an edge is
(source, target, weight); of a line that is a map, the map. The format is that of runtime/common/snapshot.h."""
import base64
import json
import re
import struct
import zlib


def data_of(page):
    text = open(page, encoding='utf-8').read()
    return json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', text, re.S)[1])


def nodes(head, line, end):
    size = 1
    for n in head['graphs'][line['graph']]['sets'][line[end]]['dim']:
        size *= n
    return size


class Bytes:
    def __init__(self, text):
        self.text, self.at = text, 0

    def take(self, form):
        value = struct.unpack_from('<' + form, self.text, self.at)[0]
        self.at += struct.calcsize('<' + form)
        return value

    def number(self):
        x = shift = 0
        while True:
            byte = self.take('B')
            x |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return x


def read_line(text, head, line):
    kept = text.take('I')
    if line['rows']:
        cells = [text.number() for _ in range(line['rows'] * line['columns'])]
        return kept, cells
    largest, place, edges = text.take('f'), 0, []
    for _ in range(kept):
        place += text.number()
        edges.append(place)
    weights = [text.take('b') / 127 * largest for _ in range(kept)]
    sources = nodes(head, line, 'from')
    return kept, [(p % sources, p // sources, w) for p, w in zip(edges, weights)]


def snapshots(wiring):
    text = Bytes(zlib.decompress(base64.b64decode(wiring['data'])))
    found = []
    while text.at < len(text.text):
        found.append((text.take('d'), [read_line(text, wiring['head'], line) for line in wiring['head']['lines']]))
    return found
