"""Budget that moves between the lists of a model with the same rule and arguments (section 9 of docs/language.md)."""
import math


class Share:
    def __init__(self, one, a, done):
        used = int(one.marks().sum())
        self.one = one
        self.used = used - max(one.leaves(a, range(one.count), used, done), 0)
        self.given = one.budget(done) - self.used
        self.room, self.takes, self.fraction = one.count - self.used, 0, 0
        score, marks = one.number_of(a['score'], done), one.marks()
        self.weight = float(score[marks].mean()) if used else 0.0

    def open(self):
        return self.takes < self.room


def divide(rules, shares, total):
    """Each that is not full takes its part of the total, rounded down."""
    whole = sum(s.weight for s in shares if s.open())
    for s in shares:
        part = total * s.weight / whole if s.open() and whole > 0 else 0
        if part and abs(part - round(part)) < 1e-4:
            rules.unsure = True
        count = min(math.floor(part), s.room - s.takes)
        s.fraction = part - count if s.open() and math.floor(part) < s.room - s.takes else -1
        s.takes += count


def share_out(rules, group, a, done):
    """What all give is divided by the means of the score over edges in use; what is left over goes to the largest fractions,
    of equal ones to the earlier list."""
    shares = [Share(one, a, done) for one in group]
    if sum(s.weight for s in shares) <= 0:
        return
    total, left = sum(s.given for s in shares), lambda: total - sum(s.takes for s in shares)
    for _ in range(len(shares) + 1):
        if left() > 0:
            divide(rules, shares, left())
    while left() > 0 and any(s.open() for s in shares):
        ranked = sorted([s for s in shares if s.open()], key=lambda s: -s.fraction)
        if len(ranked) > 1 and abs(ranked[0].fraction - ranked[1].fraction) < 1e-4:
            rules.unsure = True
        ranked[0].takes, ranked[0].fraction = ranked[0].takes + 1, -1
    for s in shares:
        s.one.moved += s.used + s.takes - s.one.budget(done)
