"""Adds up the tables of compare.py: what came of the programs that use a construct."""
import json
import pathlib
import sys

ORDER = ['agrees', 'refused', 'differs', 'name', 'slow', 'broken']


def main():
    total = {}
    for path in sys.argv[1:]:
        for what, row in json.loads(pathlib.Path(path).read_text()).items():
            mine = total.setdefault(what, {})
            for verdict, n in row.items():
                mine[verdict] = mine.get(verdict, 0) + n
    print(f"{'construct':34}" + ''.join(f'{v:>9}' for v in ORDER))
    for what in sorted(total):
        print(f'{what:34}' + ''.join(f'{total[what].get(v, 0):>9}' for v in ORDER))


if __name__ == '__main__':
    main()
