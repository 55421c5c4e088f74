"""decisions.py: where this extension is meant to differ from Alembic.

A decision is a change to Alembic's own code.  A difference is explained only
when Alembic with that change gives exactly our answer, so nothing else that
happens in such a case is overlooked.  docs/alembic.md says the same for users.
"""

import contextlib
import dataclasses
import re
from typing import Callable, FrozenSet
from unittest import mock

from alembic import util
from alembic.runtime.migration import RevisionStep
from alembic.script import ScriptDirectory
from alembic.script import revision as alembic_revision
from alembic.script.revision import RevisionMap

import real_alembic


@dataclasses.dataclass(frozen=True)
class Decision:
    """A difference that is meant."""

    title: str
    # Whether it can have to do with the case: (directory, case, Alembic's answer).
    concerns: Callable
    # Changes Alembic; a context manager.
    change: Callable
    # SQLSTATEs of the errors that it brings.
    errors: FrozenSet[str] = frozenset()


PLANS = ("_upgrade_revs", "_downgrade_revs", "_stamp_revs")


def refusing(reason, *plans):
    """A change: commands first ask whether there is a reason to refuse."""

    @contextlib.contextmanager
    def change():
        with contextlib.ExitStack() as stack:
            for name in plans or PLANS:
                stack.enter_context(mock.patch.object(
                    ScriptDirectory, name, guarded(getattr(ScriptDirectory, name))))
            yield

    def guarded(original):
        def plan(self, target, rows):
            if reason(self, target, rows):
                raise util.CommandError(reason.__doc__)
            return original(self, target, rows)
        return plan

    return change


def replacing(owner, name, new):
    """A change: another method; it gets the one that was there first."""
    def change():
        original = getattr(owner, name)
        return mock.patch.object(
            owner, name, lambda *args, **kwargs: new(original, *args, **kwargs))
    return change


# Unknown branches are refused everywhere ---------------------------------

def branch_of(target):
    """The branch that is written in a target, if any."""
    match = alembic_revision._relative_destination.match(target)
    if match:
        return match.group(1)
    return target.partition("@")[0] if "@" in target else None


def names_unknown_branch(directory, target, rows=None):
    """the branch does not exist"""
    for one in util.to_tuple(target, default=()):
        branch = branch_of(one)
        if branch:
            try:
                directory.revision_map._resolve_branch(branch)
            except alembic_revision.ResolutionError:
                return True
    return False


# Nothing may follow an offset --------------------------------------------

def has_trailing_text(directory, target, rows=None):
    """text after an offset"""
    if not isinstance(target, str):
        return False
    match = alembic_revision._relative_destination.match(target)
    return bool(match) and match.end() < len(target)


# The empty name is refused ---------------------------------------------------

def is_empty_name(directory, target, rows=None):
    """the target names no revision"""
    return any(one == "" or one.endswith("@") for one in util.to_tuple(target, default=()))


# An unknown row stops every command ------------------------------------------

def has_unknown_row(directory, target, rows):
    """a row of the version table does not exist"""
    return any(row not in directory.revision_map._revision_map for row in rows)


# downgrade -N asks for one row -------------------------------------------

def counts_from_several_rows(directory, target, rows):
    """downgrade -N from several rows"""
    return bool(re.fullmatch(r"-\d+", target)) and len(rows) > 1


# Dependencies in the order written ---------------------------------------

def has_several_dependencies(directory, case, answer):
    return any(
        len(r._normalized_resolved_dependencies) > 1
        for r in directory.revision_map._revision_map.values() if r)


def normalize_in_order(original, revision_map, revisions, map_):
    original(revision_map, revisions, map_)
    for revision in revisions:
        revision._normalized_resolved_dependencies = tuple(
            name for name in revision._resolved_dependencies
            if name in revision._normalized_resolved_dependencies)


# Only rows are merged ----------------------------------------------------

def merge_rows_only(original, step, heads):
    rows = [name for name in step.from_revisions if name in heads]
    return rows[:-1], rows[-1], step.to_revisions[0]


# Parents that are ancestors of one another ----------------------------------

def unmerge_without_ancestors(original, step, heads):
    """A parent that is an ancestor of another parent is no row.  Since 1.13.1 Alembic
    sees that where only one row is there."""
    found = original(step, heads)
    revision_map = step.revision_map
    return tuple(
        name for name in found if not any(
            other != name and name in {
                r.revision for r in revision_map._get_ancestor_nodes(
                    revision_map.get_revisions(other))}
            for other in found))


def is_downgrade(directory, case, answer):
    return case["command"] == "downgrade"


# downgrade branch@revision stays in the branch ----------------------------

def downgrade_in_branch(original, revision_map, current_revisions, target, assert_relative_length):
    if alembic_revision._relative_destination.match(target):
        return original(revision_map, current_revisions, target, assert_relative_length)
    return target.rpartition("@")[0] or None, revision_map.get_revision(target)


# stamp with several destinations -------------------------------------------

def stamps_overlap(directory, target, rows):
    """a destination is an ancestor of another"""
    revision_map = directory.revision_map
    dests = revision_map.get_revisions(target)
    try:
        list(revision_map._get_ancestor_nodes(dests, check=True))
    except alembic_revision.RevisionError:
        return True
    return False


def stamp_leaves_graph(directory, target, rows):
    """the offset leads out of the graph; Alembic takes that for base"""
    return None in directory.revision_map.get_revisions(target)


def stamp_own_rows(original, directory, target, rows):
    """Each destination moves the rows of its ancestors and descendants that no
    earlier one took; how, is left to Alembic's plan for that destination alone."""
    revision_map = directory.revision_map
    dests = directory.get_revisions(target)
    if not dests or len(target) == len(dests) == 1:
        return original(directory, target, rows)
    mine = {
        row for one in target
        for row in revision_map.filter_for_lineage(
            directory.get_revisions(rows), one, include_dependencies=True)}
    left = set(mine)
    steps = []
    for dest in util.unique_list(dests):
        if dest in mine:
            continue
        own = left.intersection({
            *revision_map._get_descendant_nodes([dest]),
            *revision_map._get_ancestor_nodes([dest])})
        left -= own
        steps += original(
            directory, (dest.revision,), tuple(sorted(row.revision for row in own)))
    return steps


def is_stamp(directory, case, answer):
    return case["command"] == "stamp"


DECISIONS = (
    Decision(
        "unknown branch",
        lambda directory, case, answer: names_unknown_branch(directory, case["target"]),
        refusing(names_unknown_branch), frozenset({"42704", "42P08"})),
    Decision(
        "text after an offset",
        lambda directory, case, answer: has_trailing_text(directory, case["target"]),
        refusing(has_trailing_text), frozenset({"22023"})),
    Decision(
        "empty name",
        lambda directory, case, answer: is_empty_name(directory, case["target"]),
        refusing(is_empty_name), frozenset({"22023"})),
    Decision(
        "unknown row",
        lambda directory, case, answer: has_unknown_row(directory, None, case["start"]),
        refusing(has_unknown_row), frozenset({"42704"})),
    Decision(
        "downgrade -N with several rows",
        lambda directory, case, answer: case["command"] == "downgrade"
        and counts_from_several_rows(directory, case["target"], case["start"]),
        refusing(counts_from_several_rows), frozenset({"42P08"})),
    Decision(
        "dependencies in the order written",
        has_several_dependencies,
        replacing(RevisionMap, "_normalize_depends_on", normalize_in_order)),
    Decision(
        "only parents that are rows are deleted or updated",
        lambda directory, case, answer: answer.get("error") == "KeyError in a step",
        replacing(RevisionStep, "merge_branch_idents", merge_rows_only)),
    Decision(
        "one parent is an ancestor of another",
        is_downgrade,
        replacing(RevisionStep, "_unmerge_to_revisions", unmerge_without_ancestors)),
    Decision(
        "downgrade branch@revision stays in the branch",
        lambda directory, case, answer: case["command"] == "downgrade" and "@" in case["target"],
        replacing(RevisionMap, "_parse_downgrade_target", downgrade_in_branch),
        frozenset({"42704", "42P08"})),
    Decision(
        "stamp -N that leaves the graph",
        is_stamp, refusing(stamp_leaves_graph, "_stamp_revs"), frozenset({"22023"})),
    Decision(
        "stamp refuses a destination that is an ancestor of another",
        is_stamp, refusing(stamps_overlap, "_stamp_revs"), frozenset({"55000"})),
    Decision(
        "a destination of stamp moves its own rows only",
        is_stamp, replacing(ScriptDirectory, "_stamp_revs", stamp_own_rows),
        frozenset({"55000"})),
)


def answer_with(chosen, revisions, case):
    """What Alembic says with these decisions."""
    with contextlib.ExitStack() as stack:
        for decision in chosen:
            stack.enter_context(decision.change())
        return real_alembic.answer(real_alembic.Directory(revisions), case)


def explain(revisions, case, answer, same):
    """The decisions, as few as possible, that turn Alembic's answer into ours;
    None when no decisions do.  same(answer, errors) compares with ours."""
    directory = real_alembic.Directory(revisions)
    tried = [((), answer)]
    # One decision can bring about what another one is for.
    while tried:
        wider = {}
        for chosen, answer in tried:
            for decision in DECISIONS:
                if decision in chosen or not decision.concerns(directory, case, answer):
                    continue
                more = tuple(d for d in DECISIONS if d in (*chosen, decision))
                if more not in wider:
                    wider[more] = answer_with(more, revisions, case)
                    if same(wider[more], frozenset().union(*(d.errors for d in more))):
                        return tuple(d.title for d in more)
        tried = list(wider.items())
    return None
