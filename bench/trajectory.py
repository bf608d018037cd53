#!/usr/bin/python3
"""Draws how the points of two spirals flow through a trained net of examples/spiral_flow.dnw.

    bench/trajectory.py docs/spiral_flow.svg      (build/dnw, or $DNW)

The net is trained as the file says. Then programs whose flow ends at times between 0 and 1 are asked, with the same
weights, where 96 points are: in a copy of the weights the output reads x[0] and x[1] alone. The net moves points in a
space of 42 coordinates; the picture shows the two that they start in. Ends with how many the net tells right.
"""
import json
import math
import os
import struct
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
DNW = os.path.abspath(os.environ.get("DNW", os.path.join(ROOT, "build", "dnw")))
FILE = os.path.join(ROOT, "examples", "spiral_flow.dnw")
TIMES = [0.001] + [i / 24 for i in range(1, 25)]
COLOURS = ["#1764ab", "#c7421a"]
ARM = 48  # points of one arm


def run(*command):
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def write_points(path, points):
    head = "{'descr': '<f4', 'fortran_order': False, 'shape': (%d, 2), }" % len(points)
    head = head.ljust(117) + "\n"
    with open(path, "wb") as f:
        f.write(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head.encode())
        for point in points:
            f.write(struct.pack("<2f", *point))


def read_points(path):
    data = open(path, "rb").read()
    numbers = data[10 + struct.unpack("<H", data[8:10])[0]:]
    return list(struct.iter_unpack("<2f", numbers))


def arms():
    """The arms of spirals(classes = 2), without noise: radius 0.1 + 1.9 t, one turn."""
    points = []
    for arm in range(2):
        for i in range(ARM):
            t = (i + 0.5) / ARM
            angle, radius = 2 * math.pi * (t + arm / 2), 0.1 + 1.9 * t
            points.append((radius * math.cos(angle), radius * math.sin(angle)))
    return points


def look_at_plane(source, target):
    """Copies weights; the edges of line 4 of the graph, x -> y, become the unit matrix, those of line 5 are left out."""
    data = bytearray(open(source, "rb").read())
    size = struct.unpack("<Q", data[:8])[0]
    tensors = json.loads(data[8:8 + size])
    for name, new in (("Flow.edges.4.w", struct.pack("<4f", 1, 0, 0, 1)), ("Flow.edges.4.kept", b"\1" * 4),
                      ("Flow.edges.5.kept", None)):
        begin, end = (8 + size + x for x in tensors[name]["data_offsets"])
        data[begin:end] = new or bytes(end - begin)
    open(target, "wb").write(data)


def flow():
    """Where the points are, by time, then by point; and the outputs at time 1."""
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        run(DNW, "train", FILE, "--out", "run", "--quiet")
        look_at_plane("run/best.safetensors", "plane.safetensors")
        write_points("points.npy", arms())
        ways = []
        for t in TIMES:
            run(DNW, "build", FILE, "-D", "mode=flow(0, %.6f, rk4(6))" % t, "-o", "until")
            run("./until", "predict", "--weights", "plane.safetensors", "--input", "points.npy", "--output", "at.npy")
            ways.append(read_points("at.npy"))
        run("./until", "predict", "--weights", "run/best.safetensors", "--input", "points.npy", "--output", "at.npy")
        return ways, read_points("at.npy")


def draw(ways, path):
    most = 1.05 * max(abs(x) for at in ways for point in at for x in point)
    side = 520

    def place(point):
        return "%.1f,%.1f" % (side / 2 * (1 + point[0] / most), side / 2 * (1 - point[1] / most))

    lines = ['<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d">' % (side, side, side, side),
             "<title>Ways of 96 points from time 0 (rings) to time 1 (dots)</title>",
             '<rect width="%d" height="%d" fill="white"/>' % (side, side)]
    for i in range(2 * ARM):
        colour = COLOURS[i // ARM]
        way = [place(at[i]) for at in ways]
        lines.append('<polyline points="%s" fill="none" stroke="%s" stroke-opacity="0.4"/>' % (" ".join(way), colour))
        for at, style in ((way[0], 'fill="white" stroke="%s"'), (way[-1], 'fill="%s"')):
            x, y = at.split(",")
            lines.append('<circle cx="%s" cy="%s" r="3" %s/>' % (x, y, style % colour))
    lines.append("</svg>")
    with open(path, "w") as f:
        f.write("\n".join(lines) + "\n")


def main():
    target = os.path.abspath(sys.argv[1])
    ways, outputs = flow()
    draw(ways, target)
    moved = max(math.dist(a, b) for a, b in zip(ways[0], arms()))
    right = sum((y[1] > y[0]) == (i >= ARM) for i, y in enumerate(outputs))
    print("at time 0.001 no point is farther than %.3f from where it starts; at time 1 the net tells %d of %d right" %
          (moved, right, 2 * ARM))


if __name__ == "__main__":
    main()
