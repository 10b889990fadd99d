"""Two values, place by place, into what differs. Iterative: 100,000 levels are no deeper than one.

A container that is being walked is a frame, whose iterator gives the children that need a look; equal scalars, which
are nearly all, never leave it. Other people's code (attributes, mappings, `__eq__`, the rules' functions) runs only in
`_compare` and in those iterators, and whatever it raises becomes a change with a note.

Rules only take away, and this is how: at each place each rule is one more way in which two values can be the same,
beside all the ways that there are without it. As they are, or after any selection of the functions of `Normalize`; two
arrays in order, or in any; and so on down. Where there are several ways all but the last are asked about (`_asks`),
and only if none holds the last one, under which most is forgiven, is walked for what to report.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from trioshadow._model.kinds import has_no_equality

from ._alike import alike
from ._arrays import Beside, children_of_tables
from ._children import MISSING, Whole, children_of_arrays, children_of_objects, leads_on
from ._cut import Cut
from ._diffs import ChangeKind
from ._elements import Elements
from ._error_values import is_error
from ._frames import ROOT, SMALL, Frame, Mark, builtin_frame, frame_of_lines
from ._kinds import common_shape
from ._pairs import Pairs
from ._partly import children_of_cut, lacks_parts, seen_of, verdict_of_cut
from ._paths import ELEMENT, Key
from ._plan import ColumnState, State, converted_pairs, refuse_functions
from ._questions import Enough, Questions, Way, refuse_depth
from ._records import children_of_named
from ._sameness import SameTrees, same_flat
from ._scalars import differ_in_type, same_read_once, same_scalar
from ._shapes import DEPTH_LIMIT, Shape, elements, exact_key, plain, safe_shape, shape_of
from ._tables import all_elements, parts
from ._undecided import OutOfBounds, Undecided, all_of, any_of
from ._values import Repeated, Told
from ._write import class_name

_CHANGED, _TYPE = ChangeKind.CHANGED, ChangeKind.TYPE
_OBJECT, _ARRAY, _SET, _TABLE = Shape.OBJECT, Shape.ARRAY, Shape.SET, Shape.TABLE
_TEXT, _OPAQUE = Shape.TEXT, Shape.OPAQUE

_FLAT = frozenset((dict, list))

#: Deeper than this no part is looked at as a whole: each level may read all that is below it once more.
_DEEP = 16


class Walk(Elements):
    """One comparison of two values."""

    def __init__(
        self,
        questions: Questions,
        *,
        limit: int,
        same_trees: SameTrees | None = None,
        depth: int = 0,
        is_body: bool = True,
    ) -> None:
        """`limit`: changes that are kept; `depth`: above 0 it only asks whether two values are the same. With
        `same_trees` both values are trees of builtins, of bounded size.
        """
        super().__init__(questions, limit=limit, depth=depth)
        self._same_trees = same_trees
        self._pairs = Pairs()
        self._strict, self._kinds = questions.strict, questions.kinds
        self._is_body = is_body
        """Are its two values whole bodies? Of whole texts the lines are compared."""

    def run(self, primary: object, shadow: object, state: State | None, way: Way = Way.ANY) -> None:
        """Compare two values under the rules of a state. One that only asks raises Enough, or Undecided."""
        root = self._look(ROOT, primary, shadow, state, way)
        frames = [] if root is None else [root]
        while frames:
            frame = frames[-1]
            below = self._advance(frame)
            if below is not None:
                self._trail.append(below.key)
                frames.append(below)
                continue
            frames.pop()
            self._pairs.leave(frame, same=self.found.count == frame.count and self._unsure is None)
            if frames:
                self._trail.pop()
        if self._depth and self._unsure is not None:
            raise self._unsure

    def _advance(self, frame: Frame) -> Frame | None:
        """Go on with the children of a frame until one has children itself."""
        state = frame.state
        try:
            for key, ours, theirs in frame.children:
                key = exact_key(key)  # noqa: PLW2901
                named = frame.positional or type(key) is Told
                below = None if state is None else state.child(key) if named else state.element()
                found = self._look(key, ours, theirs, below)
                if found is not None:
                    return found
        except Enough:
            raise
        except Undecided as reason:
            self._leave_open(reason, ROOT)
        except BaseException as exc:  # a container that was changed meanwhile
            self._contain(exc, ROOT)
            trail, self._trail = self._trail, self._trail[:-1]
            self._add(frame.key, _CHANGED, *frame.pair)
            self._trail = trail
        return None

    def _look(self, key: Key, ours: Any, theirs: Any, state: State | None, way: Way = Way.ANY) -> Frame | None:
        """Compare two values, or return the frame of two containers."""
        if self._depth:
            self._questions.look()
        try:
            if type(ours) is type(theirs) and type(ours) in _FLAT:
                if self._seem_same(ours, theirs, key):
                    return None
                if state is None and self._same_trees is not None:  # the way of nearly all that is decoded
                    whole = self._same_trees if len(self._trail) < _DEEP else None
                    return builtin_frame(key, ours, theirs, whole, self._by_name)
            return self._compare(key, ours, theirs, state, way)
        except Enough:
            raise
        except Undecided as reason:
            self._leave_open(reason, key)
        except RecursionError:
            self._leave_open(OutOfBounds("it is nested too deep in arrays without an order, or in functions"), key)
        except BaseException as exc:
            if key is ROOT and not self._depth and _OPAQUE in (safe_shape(ours), safe_shape(theirs)):
                raise  # there is nothing else to compare: the comparison has failed
            self._contain(exc, key)
            self._add(key, _CHANGED, ours, theirs)
        return None

    def _seem_same(self, ours: Any, theirs: Any, key: Key) -> bool:
        """Of two exact dicts or lists: are they known at a glance to be the same?"""
        if self._same_trees is None:
            return same_flat(ours, theirs)
        return len(ours) <= SMALL and key is not ROOT and len(self._trail) < _DEEP and self._same_trees(ours, theirs)

    def _compare(self, key: Key, ours: Any, theirs: Any, state: State | None, way: Way) -> Frame | None:
        if (state is not None and state.ignored) or ours is theirs:
            return None
        beside = None
        if type(ours) is Beside:
            beside, (ours, theirs) = (ours, theirs), (ours.column, theirs.column)
            state = None if state is None else ColumnState(state)
        if state is not None and not self._depth and (state.unordered or state.functions or state.defaults):
            self._questions.begin(ours, theirs)
        if state is not None and state.on_the_way and not leads_on(ours, theirs, state):
            return None
        if ours is MISSING or theirs is MISSING:
            if state is None or not self._may_be_missing(key, ours, theirs, state):
                self._add_alone(key, ours, theirs)
            return None
        if type(ours) is Whole:
            ours, theirs = ours.value, theirs.value
            self._add(key, _CHANGED if shape_of(ours) is shape_of(theirs) else _TYPE, ours, theirs)
            return None
        if self._kinds.comparers and type(key) is not Told:  # the name of a dtype is no text of an answer
            for function in self._kinds.functions(type(ours), type(theirs)):
                if self._accepts(key, function, ours, theirs, "CompareWith"):
                    return None
        if state is not None and state.defaults and self._are_defaults(ours, theirs, state):
            return None
        if type(ours) is Cut or type(theirs) is Cut:
            return self._of_cut(key, ours, theirs, state, way)
        if state is not None:
            if any(self._accepts(key, accept, ours, theirs) for accept in state.accepts):
                return None
            if state.functions and way is Way.ANY:
                found = self._converted(key, ours, theirs, state)
                if found is None or any(self._accepts(key, accept, *found[:2]) for accept in state.accepts):
                    return None
                ours, theirs, state = found
        shape, their_shape = shape_of(ours), shape_of(theirs)
        if (shape is _OPAQUE or their_shape is _OPAQUE) and same_read_once(ours, theirs):
            return None
        if shape is not their_shape:
            if state is not None and state.alike and alike(ours, theirs, state.alike):
                return None
            common = common_shape(ours, theirs, strict=self._strict)
            if common is None:
                self._add(key, _TYPE, ours, theirs)
                return None
            shape = common
        elif type(ours) is not type(theirs) and not self._kinds.alike(type(ours), type(theirs)):
            self._add(key, _TYPE, ours, theirs)
            return None
        if shape is _OBJECT or shape is _ARRAY or shape is _SET or shape is _TABLE:
            if self._strict and type(ours) is not type(theirs):
                self._add(key, _TYPE, ours, theirs)
                return None
            return self._enter(key, (ours, theirs), state, shape, way, beside=beside)
        if state is not None and state.alike and alike(ours, theirs, state.alike):
            return None
        if shape is _TEXT and key is ROOT and self._is_body:
            text, their_text = plain(ours), plain(theirs)
            if "\n" in text or "\n" in their_text:
                return frame_of_lines(text, their_text, state)
        of_two_types = self._strict and type(ours) is not type(theirs)
        if not of_two_types and same_scalar(ours, theirs):
            return None
        if self._kinds.errors.may_be_same(ours, theirs):
            return self._enter(key, (ours, theirs), state, _OPAQUE, way)
        if shape_of(ours) is shape_of(theirs) is _OPAQUE and has_no_equality(ours) and not is_error(ours):
            self.found.note(f"{class_name(ours)} objects are compared by identity: give a view=")
        self._add(key, _TYPE if of_two_types or differ_in_type(ours, theirs, shape) else _CHANGED, ours, theirs)
        return None

    def _of_cut(self, key: Key, ours: Any, theirs: Any, state: State | None, way: Way) -> Frame | None:
        """At least one is not kept whole."""
        verdict = verdict_of_cut(ours, theirs, state, self._kinds, strict=self._strict)
        if isinstance(verdict, ChangeKind):
            self._add(key, verdict, ours, theirs)
        if verdict is not False:
            return None
        if not (lacks_parts(ours) or lacks_parts(theirs)):
            return self._compare(key, seen_of(ours), seen_of(theirs), state, way)
        in_order = state is None or not state.unordered or way is Way.IN_ORDER
        children = children_of_cut(ours, theirs, state, self._by_name, in_order=in_order)
        return Frame(key, (ours, theirs), children, state, positional=True)

    # ── containers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _enter(
        self,
        key: Key,
        pair: tuple[Any, Any],
        state: State | None,
        shape: Shape,
        way: Way,
        *,
        beside: tuple[Beside, Beside] | None = None,
    ) -> Frame | None:
        ours, theirs = pair
        if type(ours) is Repeated:
            state = None  # a name that is there twice: its values are no elements
        mark: Mark | None = None
        if self._same_trees is None:
            mark = (id(ours), id(theirs), id(state))
            if self._pairs.is_known(mark):
                return None
            if note := self._pairs.met_too_often(mark):
                self.found.note(note)
                return None
            self._pairs.meet(mark, ours, theirs, state)
            if len(self._trail) > DEPTH_LIMIT:
                raise Undecided(f"nested more than {DEPTH_LIMIT:,} deep, or in circles")
        positional = True
        if shape is _OBJECT:
            children = children_of_named(pair, self._asks, self._contain, state, self._by_name)
        elif shape is _OPAQUE:
            children = children_of_objects(*self._kinds.errors.both(ours, theirs))
        elif shape is _SET:
            positional = False
            children = self._in_any_order(self._of_sets, key, pair, (elements(ours), elements(theirs)), state)
        elif shape is _TABLE:
            state = None if state is None else state.of_table()
            matched = order = None
            if beside is not None and (ours is not beside[0].column or theirs is not beside[1].column):
                beside = None  # a function has made something else of them
            if state is not None and state.unordered and way > Way.IN_ORDER:
                if self._asks(ours, theirs, state, Way.IN_ORDER):
                    return None
                a, b = all_elements(ours), all_elements(theirs)
                if a is not None and b is not None:
                    matched = self._in_any_order(self._of_arrays, key, pair, (a, b), state)
                elif parts(ours, strict=False).elements is None:
                    order = functools.partial(self._order_of_rows, key, pair, state)
            positional = matched is None
            children = children_of_tables(
                ours, theirs, state, self._by_name, strict=self._strict, matched=matched, order=order, beside=beside
            )
        elif state is not None and state.unordered and way > Way.IN_ORDER:
            if state.minds_places and self._asks(ours, theirs, state, Way.IN_ORDER):
                return None
            positional = False
            children = self._in_any_order(self._of_arrays, key, pair, (elements(ours), elements(theirs)), state)
        else:
            children = children_of_arrays(elements(ours), elements(theirs))
        frame = Frame(key, pair, children, state, positional=positional)
        if mark is not None:
            self._pairs.enter(frame, mark, self.found.count)
        return frame

    def _asks(
        self, ours: object, theirs: object, state: State | None, way: Way = Way.ANY, *, body: bool = False
    ) -> bool:
        """Are two values the same in these ways? Raises Undecided."""
        question = ours, theirs, state, way
        known = self._questions.answer(question)
        if known is not None:
            return known
        answer: bool | None = None
        try:
            refuse_depth(self._depth)
            depth = self._depth + 1
            asking = Walk(self._questions, limit=0, same_trees=self._same_trees, depth=depth, is_body=body)
            asking.run(ours, theirs, state, way)
            answer = True
        except Enough:
            answer = False
        finally:
            self._questions.settle(question, answer=answer)
        return bool(answer)

    # ── what a rule says of a value ──────────────────────────────────────────────────────────────────────────────────

    def _converted(self, key: Key, ours: Any, theirs: Any, state: State) -> tuple[Any, Any, State | None] | None:
        """Both values after all functions of this place; None if they are the same after some of them, or none."""
        if self._questions.matcher.plainly_same(ours, theirs):
            return None
        refuse_functions(len(self._trail))
        pairs = converted_pairs(ours, theirs, state, lambda exc: self._contain(exc, key, "Normalize"))
        ask = functools.partial(self._asks, way=Way.AS_THEY_ARE, body=self._is_body and key is ROOT)
        asks = [functools.partial(ask, *pair) for pair in pairs]
        try:
            return None if any_of(asks[:-1]) else pairs[-1]
        except OutOfBounds:
            raise
        except Undecided:
            if asks[-1]():
                return None
            raise

    def _may_be_missing(self, key: Key, ours: Any, theirs: Any, state: State) -> bool:
        """May what is here be there on one side only?"""
        pair = (None, theirs) if ours is MISSING else (ours, None)
        asks: list[Callable[[], bool]] = []
        if state.defaults and type(key) is not int and key is not ELEMENT:  # no element is a default
            if shape_of(theirs if ours is MISSING else ours) is _TABLE:
                self.found.note("Default says nothing of an array: none is a default, whatever its elements are")
            asks.append(functools.partial(self._is_default, ours, theirs, state))
        asks += [functools.partial(self._accepts, key, accept, *pair) for accept in state.accepts]
        return any_of(asks)

    def _are_defaults(self, ours: Any, theirs: Any, state: State) -> bool:
        return all_of(functools.partial(self._is_default, *two, state) for two in ((ours, MISSING), (MISSING, theirs)))

    def _is_default(self, ours: Any, theirs: Any, state: State) -> bool:
        """Is the one that is not MISSING the same as a default, by the other rules of this place?"""
        below = state.beside_default()
        pairs = [(one, theirs) if ours is MISSING else (ours, one) for one in state.defaults]
        return any_of(functools.partial(self._asks, *pair, below) for pair in pairs)
