"""graphs.py: random revision graphs, and random commands for them.

Everything follows from the seed and the number of the graph, and from the
version rows that the caller says a command begins with.
"""

import random

UNKNOWN = "nosuch"
WORDS = ("core", "core2", "billing", "bill", "geo", "users", "pay_in", "größe")


class Graph:
    """Revisions in an order in which parents come first, and their names."""

    def __init__(self, seed, number):
        self.random = random.Random(f"{seed}/{number}")
        self.names = set()
        self.labels = []
        self.revisions = []
        self.stem = "%04x" % self.random.randrange(16**4)
        self.style = self.random.choice(("hex", "stem", "short", "number", "word"))
        self.bushy = self.chance(0.2)
        sizes = (30, 60) if self.chance(0.05) else (1, 3, 5, 6, 7, 8, 9, 10, 12, 16)
        for _ in range(self.random.choice(sizes)):
            self.revisions.append(self.revision())

    def chance(self, probability):
        return self.random.random() < probability

    def new_name(self, make):
        """A name that no id or label has."""
        while True:
            name = make()
            if name not in self.names:
                self.names.add(name)
                return name

    def make_id(self):
        rng = self.random
        style = self.style if self.chance(0.8) else rng.choice(("hex", "stem", "short", "word"))
        if style == "hex":
            return "%012x" % rng.randrange(16**12)
        if style == "stem":
            return self.stem + "".join(rng.choices("01ab", k=rng.randint(0, 5)))
        if style == "short":
            return rng.choice("abcxyz") + str(rng.randint(1, 20))
        if style == "number":
            return "%04d" % rng.randint(1, 99)
        return rng.choice(WORDS) + rng.choice("._") + str(rng.randint(1, 9))

    def make_label(self):
        rng = self.random
        if self.chance(0.15):
            return self.stem[: rng.randint(2, 4)]
        number = "%02d" % rng.randrange(100)
        return rng.choice(WORDS) + rng.choice(("", "", "x", "-x", "-2", "_app", number))

    def revision(self):
        """One more revision, on those that are there."""
        rng = self.random
        ids = [r["id"] for r in self.revisions]
        covered = {d for r in self.revisions for d in r["down"]}
        heads = [i for i in ids if i not in covered]
        count = 0 if self.chance(0.12) else 1 if self.chance(0.8) else rng.choice((2, 2, 2, 3))
        down = []
        for _ in range(min(count, len(ids))):
            parent = rng.choice(heads if self.chance(0.1 if self.bushy else 0.6) else ids)
            if parent not in down:
                down.append(parent)
        depends = []
        if ids and self.chance(0.22):
            for other in rng.sample(self.revisions, min(rng.choice((1, 1, 1, 2, 3)), len(ids))):
                by_label = other["labels"] and self.chance(0.5)
                depends.append(rng.choice(other["labels"]) if by_label else other["id"])
        labels = []
        if self.chance(0.2 if down else 0.5):
            for _ in range(1 if self.chance(0.85) else 2):
                labels.append(self.new_name(self.make_label))
        self.labels.extend(labels)
        return {
            "id": self.new_name(self.make_id),
            "down": down,
            "labels": labels,
            "depends": depends,
        }

    # Commands ------------------------------------------------------------

    def command(self, rows):
        """A case: the rows it begins with, a command, a target."""
        rng = self.random
        weights = (8, 0, 2) if not rows else (9, 8, 5)
        if self.chance(0.03):
            weights = (1, 1, 1)
        command = rng.choices(("upgrade", "downgrade", "stamp"), weights)[0]
        case = {"start": sorted(rows), "command": command, "purge": False}
        if self.chance(0.01):
            case["start"] = sorted({*rows, UNKNOWN})
        if command == "stamp":
            case["purge"] = self.chance(0.1)
            targets = [self.stamp_target() for _ in range(rng.choice((0, 1, 2, 2, 2, 3, 3)))]
            case["target"] = targets if self.chance(0.4) else self.stamp_target()
        elif self.chance(0.03):
            case["target"] = self.odd_target()
        elif command == "upgrade":
            case["target"] = self.upgrade_target(rows)
        else:
            case["target"] = self.downgrade_target()
        return case

    def key(self):
        """An id or a label, mostly the full one."""
        rng = self.random
        if self.chance(0.02):
            return UNKNOWN
        key = rng.choice(self.labels if self.labels and self.chance(0.3) else self.revisions)
        key = key if isinstance(key, str) else key["id"]
        return key[: rng.randint(1, len(key))] if self.chance(0.12) else key

    def branch(self):
        rng = self.random
        return rng.choice(self.labels) if self.labels and self.chance(0.7) else self.key()

    def symbol(self):
        rng = self.random
        return rng.choice(("head", "heads", "base")) if self.chance(0.2) else self.key()

    def in_branch(self):
        """branch@symbol, where the symbol mostly is in the branch."""
        rng = self.random
        branch = self.branch()
        if self.chance(0.25):
            return branch + "@" + rng.choice(("head", "head", "heads", "base"))
        line = self.line(branch)
        return branch + "@" + (rng.choice(line) if line and self.chance(0.7) else self.key())

    def line(self, key):
        """The ids of the revision of this name, its ancestors and descendants."""
        ids = {r["id"] for r in self.revisions if key == r["id"] or key in r["labels"]}
        ancestors, descendants = set(ids), set(ids)
        for r in reversed(self.revisions):
            if r["id"] in ancestors:
                ancestors.update(r["down"])
        for r in self.revisions:
            if descendants.intersection(r["down"]):
                descendants.add(r["id"])
        return sorted(ancestors | descendants)

    def offset(self, signs):
        return self.random.choice(signs) + self.random.choice("01111112223")

    def odd_target(self):
        return self.random.choice((
            "", "@", "@head", "@base", self.branch() + "@", UNKNOWN, UNKNOWN + "@base",
            UNKNOWN + "@head", UNKNOWN + "@-1", UNKNOWN + "@" + self.key(),
            self.key() + "+1x", self.key() + "-1@" + self.key(), "head+1", "heads-1", "base+1",
            self.key() + ":" + self.key(), self.branch() + "@" + self.branch() + "@" + self.key(),
            "+99", "-99", "HEAD", " head", "+", "-", "@+1", "@-1"))

    def upgrade_target(self, rows):
        rng = self.random
        return rng.choices((
            "heads", "head", self.symbol(), self.offset("+++++-"),
            self.branch() + "@" + self.offset("+++++-"), self.symbol() + self.offset("+-"),
            self.in_branch() + self.offset("+-"), self.in_branch()),
            (6 if not rows else 2, 1, 8, 2, 3, 3, 2, 6))[0]

    def downgrade_target(self):
        rng = self.random
        return rng.choices((
            "base", self.symbol(), self.offset("-----+"),
            self.branch() + "@" + self.offset("-----+"), self.symbol() + self.offset("+-"),
            self.in_branch() + self.offset("+-"), self.in_branch(), self.branch() + "@base"),
            (1, 8, 3, 4, 4, 3, 6, 2))[0]

    def stamp_target(self):
        rng = self.random
        if self.chance(0.03):
            return self.odd_target()
        return rng.choices((
            self.key(), self.symbol(), self.in_branch(),
            self.offset("-"), self.branch() + "@" + self.offset("-")), (8, 3, 6, 1, 1))[0]
