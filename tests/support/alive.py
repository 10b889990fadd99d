"""What is there while a test looks: objects, by the collector, and tasks, by Trio. Nothing of the library is named."""

from __future__ import annotations

import gc
from collections import Counter

import trio


def alive(*kinds):
    """Objects of these very classes that somebody holds."""
    gc.collect()
    return [thing for thing in gc.get_objects() if type(thing) in kinds]


def task_names():
    """How many tasks of each name are in this run."""
    todo, found = [trio.lowlevel.current_root_task()], Counter()
    while todo:
        task = todo.pop()
        found[task.name] += 1
        todo.extend(child for nursery in task.child_nurseries for child in nursery.child_tasks)
    return found
