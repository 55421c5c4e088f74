"""alembic_diff.py: plays random graphs and targets against Alembic and us.

    alembic_diff.py [--cases N] [--seed N] [--case N]

The server, which has the extension, is the one that PGHOST, PGPORT, PGDATABASE
say; its registry and version table are overwritten.  README.md says what is
compared.  Ends with 1 when a difference has no explanation.
"""

import argparse
import collections
import json
import os
import subprocess
import sys

CASES_PER_GRAPH = 10
GRAPHS_PER_BATCH = 25
SHOWN = 10

# How Alembic's errors begin, and ours for the same; see docs/targets.md.  An
# AssertionError is a target that Alembic has no words for.  What is not in this
# list, such as an error in a step, has to be explained.
SQLSTATES = {
    "Can't locate revision": {"42704", "42P08"},
    "Multiple head": {"42P08"},
    "Ambiguous": {"42P08"},
    "Relative revision": {"22023"},
    "Walked too far": {"22023"},
    "Range revision": {"22023"},
    "Destination": {"55000"},
    "Not a valid downgrade target": {"55000"},
    "Requested revision": {"55000"},
    "AssertionError": {"22023", "42704", "42P08", "55000"},
}

HERE = os.path.dirname(os.path.abspath(__file__))


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--case", type=int, help="only this one, and show it")
    return parser.parse_args()


OPTIONS = arguments()
# The order of sets is one of the choices that Alembic leaves open.
if os.environ.get("PYTHONHASHSEED") != str(OPTIONS.seed % 2**32):
    os.environ["PYTHONHASHSEED"] = str(OPTIONS.seed % 2**32)
    os.execv(sys.executable, [sys.executable, *sys.argv])

try:
    import alembic
except ImportError as error:
    sys.exit(f"{sys.executable} has no alembic: {error}")

import decisions
import graphs
import real_alembic


# Both sides ----------------------------------------------------------------

def generate(number):
    """A graph, and cases with the rows at which Alembic arrives, one after
    another, each with Alembic's answer."""
    graph = graphs.Graph(OPTIONS.seed, number)
    directory = real_alembic.Directory(graph.revisions)
    cases = []
    rows = []
    for k in range(CASES_PER_GRAPH):
        case = graph.command(rows)
        case["expect"] = real_alembic.answer(directory, case)
        case["n"] = number * CASES_PER_GRAPH + k
        cases.append(case)
        rows = case["expect"].get("final", rows)
    return {"revisions": graph.revisions, "cases": cases}


def psql(script):
    done = subprocess.run(
        ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-f", "-"],
        cwd=os.path.join(HERE, "..", ".."), env={**os.environ, "PGCLIENTENCODING": "UTF8"},
        input=script, encoding="utf-8", stdout=subprocess.PIPE)
    if done.returncode != 0:
        sys.exit(f"psql ended with {done.returncode}")
    return done.stdout


def play(batch):
    """Our answers to the cases of several graphs, in the same order."""
    lines = "".join(json.dumps(graph) + "\n" for graph in batch)
    output = psql(
        "SET client_min_messages = warning;\n"
        "TRUNCATE replay.graph;\n"
        "COPY replay.graph (content) FROM STDIN"
        " WITH (FORMAT csv, QUOTE E'\\001', DELIMITER E'\\002');\n"
        f"{lines}\\.\n"
        "SELECT replay.play(content) FROM replay.graph ORDER BY n;\n"
        "VACUUM migrate.revision, migrate.version, migrate.log, replay.event;\n")
    cases = [case for graph in batch for case in graph["cases"]]
    answers = [json.loads(line) for line in output.splitlines()]
    assert len(answers) == len(cases)
    return [rows_by_step(answer, case["start"], case["purge"])
            for answer, case in zip(answers, cases)]


def rows_by_step(answer, start, purge):
    """Our answer in the form of Alembic's: the changes of rows made rows."""
    if "steps" not in answer:
        return answer
    rows = set(start)
    steps = []
    for step in answer["steps"]:
        rows -= {*step["delete"], *(old for old, new in step["update"])}
        rows |= {*step["insert"], *(new for old, new in step["update"])}
        steps.append([step["op"], step["rev"], sorted(rows)])
    # With us a purge is a step; Alembic does it before it begins to count.
    if purge and start and steps[:1] == [["stamp", None, []]]:
        del steps[0]
    return {**answer, "steps": steps, "final": sorted(answer["final"])}


# Comparison ------------------------------------------------------------------

def same(theirs, ours, errors=frozenset()):
    """Whether the answers are the same; errors are those that decisions bring."""
    if "error" in theirs or "error" in ours:
        if "error" not in theirs or "error" not in ours:
            return False
        return ours["error"] in SQLSTATES.get(kind_of(theirs), ()) or ours["error"] in errors
    return theirs["steps"] == ours["steps"] and theirs["final"] == ours["final"]


def kind_of(error):
    """How Alembic's error begins, or its class if it has no words."""
    if error["error"] != "CommandError":
        return error["error"]
    return next((kind for kind in SQLSTATES if error["message"].startswith(kind)), None)


def fault(ours):
    """What is wrong with our answer by itself."""
    plan = ours["plan"]
    if "error" in ours and ours["error"] not in set().union(*SQLSTATES.values()):
        return "no target may have this error"
    if plan is None:
        return None
    if plan.get("error") != ours.get("error"):
        return "plan and run do not agree about the error"
    if "steps" in ours and plan["steps"] != [step[:2] for step in ours["steps"]]:
        return "the plan has other steps"
    return None


def judge(graph, case, ours):
    """How the case counts: (what, explanation)."""
    theirs = case["expect"]
    problem = fault(ours)
    if problem:
        return "unexplained", problem
    if same(theirs, ours):
        if "error" in theirs:
            return "both refuse", f"{kind_of(theirs)}: {ours['error']}"
        return ("same steps and rows" if theirs["steps"] else "both have nothing to do"), None
    titles = decisions.explain(
        graph["revisions"], case, theirs, lambda answer, errors: same(answer, ours, errors))
    return ("explained", " + ".join(titles)) if titles else ("unexplained", "they differ")


# Report ------------------------------------------------------------------------

def in_words(answer):
    if "error" in answer:
        return f"error {answer['error']}: {answer['message']}"
    steps = "; ".join(f"{op} {rev or 'base'} = {' '.join(rows) or 'base'}"
                      for op, rev, rows in answer["steps"])
    return f"{steps or 'no steps'}; at the end {' '.join(answer['final']) or 'base'}"


def show(graph, case, ours, verdict, reason):
    print(f"\ncase {case['n']} of seed {OPTIONS.seed}: {verdict}"
          + (f": {reason}" if reason else ""))
    for r in sorted(graph["revisions"], key=lambda r: r["id"]):
        print(f"    {r['id']}" + (f" on {', '.join(r['down'])}" if r["down"] else "")
              + (f" depends on {', '.join(r['depends'])}" if r["depends"] else "")
              + (f" labels {', '.join(r['labels'])}" if r["labels"] else ""))
    print(f"  rows     {' '.join(case['start']) or 'base'}")
    print(f"  command  {case['command']} {json.dumps(case['target'], ensure_ascii=False)}"
          + (" purge" if case["purge"] else ""))
    print(f"  alembic  {in_words(case['expect'])}")
    print(f"  ours     {in_words(ours)}")
    if ours["plan"] is not None:
        print(f"  our plan {json.dumps(ours['plan'], ensure_ascii=False)}")
    print(f"  again    make check-alembic SEED={OPTIONS.seed} CASE={case['n']}")


def main():
    counts = collections.Counter()
    reasons = collections.Counter()
    numbers = range((OPTIONS.cases + CASES_PER_GRAPH - 1) // CASES_PER_GRAPH)
    if OPTIONS.case is not None:
        numbers = [OPTIONS.case // CASES_PER_GRAPH]

    psql("\\i test/alembic_diff/play.sql\n")
    for first in range(0, len(numbers), GRAPHS_PER_BATCH):
        batch = [generate(n) for n in numbers[first:first + GRAPHS_PER_BATCH]]
        try:
            answers = iter(play(batch))
        except SystemExit as end:
            sys.exit(f"{end}; seed {OPTIONS.seed}, cases from {batch[0]['cases'][0]['n']}"
                     f" to {batch[-1]['cases'][-1]['n']}")
        for graph in batch:
            for case in graph["cases"]:
                ours = next(answers)
                if OPTIONS.case not in (None, case["n"]):
                    continue
                verdict, reason = judge(graph, case, ours)
                counts[verdict] += 1
                reasons[verdict, reason] += 1
                if OPTIONS.case is not None or (
                        verdict == "unexplained" and counts[verdict] <= SHOWN):
                    show(graph, case, ours, verdict, reason)
    psql("SET client_min_messages = warning; DROP SCHEMA replay CASCADE;\n")

    print(f"\n{sum(counts.values())} cases of seed {OPTIONS.seed}, alembic {alembic.__version__}")
    for verdict in ("same steps and rows", "both have nothing to do", "both refuse",
                    "explained", "unexplained"):
        print(f"{counts[verdict]:7} {verdict}")
        for (of, reason), count in sorted(reasons.items(), key=str):
            if of == verdict and reason:
                print(f"{count:15} {reason}")
    return 1 if counts["unexplained"] else 0


sys.exit(main())
