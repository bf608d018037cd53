# Writes FOLDER/train/CLASS/PICTURE and FOLDER/val/CLASS/PICTURE: colours, grey, a palette, 16 bits, a JPEG; and
# huge.png, whose header promises 50000 x 60000 pixels.
import base64
import os
import struct
import sys
import zlib

JPEG = """/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB
AQEBAQEBAQEBAQEBAQH/wAALCAAIAAgBAREA/8QAHwAAAQUBAQEBAQEAAAAAAAAAAAECAwQFBgcICQoL/8QAtRAAAgEDAwIEAwUF
BAQAAAF9AQIDAAQRBRIhMUEGE1FhByJxFDKBkaEII0KxwRVS0fAkM2JyggkKFhcYGRolJicoKSo0NTY3ODk6Q0RFRkdISUpTVFVW
V1hZWmNkZWZnaGlqc3R1dnd4eXqDhIWGh4iJipKTlJWWl5iZmqKjpKWmp6ipqrKztLW2t7i5usLDxMXGx8jJytLT1NXW19jZ2uHi
4+Tl5ufo6erx8vP09fb3+Pn6/9oACAEBAAA/APzz8Ef8ESv9T/xSP93/AJcfp/0zr//Z"""


def chunk(name, data):
    return struct.pack('>I', len(data)) + name + data + struct.pack('>I', zlib.crc32(name + data))


def png(path, width, height, colour, depth, rows, palette=b''):
    """colour: 0 grey, 2 RGB, 3 palette."""
    head = struct.pack('>IIBBBBB', width, height, depth, colour, 0, 0, 0)
    data = chunk(b'IHDR', head) + (chunk(b'PLTE', palette) if palette else b'')
    data += chunk(b'IDAT', zlib.compress(b''.join(b'\0' + row for row in rows))) + chunk(b'IEND', b'')
    with open(path, 'wb') as f:
        f.write(b'\x89PNG\r\n\x1a\n' + data)


def stripes(seed, count, height):
    return [bytes((seed + x * x * (y + 1)) % 256 for x in range(count)) for y in range(height)]


top = sys.argv[1]
for part, count in (('train', 4), ('val', 2)):
    for number, name in enumerate(('cat', 'dog')):
        folder = os.path.join(top, part, name)
        os.makedirs(folder)
        for i in range(count):
            png('%s/%d.png' % (folder, i), 12 + i, 9, 2, 8, stripes(90 * number + i, 3 * (12 + i), 9))
        seed = 40 * number
        if part == 'train':
            png('%s/palette.png' % folder, 9, 10, 3, 4, stripes(seed, 5, 10), bytes(range(48)))
            png('%s/wide.png' % folder, 9, 10, 0, 16, stripes(seed, 18, 10))
        else:
            png('%s/2.png' % folder, 8, 8, 0, 1, stripes(seed, 1, 8))
        if part == 'train' and name == 'dog':
            with open('%s/grey.jpg' % folder, 'wb') as f:
                f.write(base64.b64decode(JPEG))
            os.remove('%s/0.png' % folder)
png('%s/huge.png' % top, 60000, 50000, 2, 8, [b''])
