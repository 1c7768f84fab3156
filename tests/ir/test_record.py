"""Records and Nodes: classes whose fields are their annotated names."""

import copy
import pickle
from typing import ClassVar

import pytest

from penstock.ir.record import Node, Record
from penstock.runtime.machine import host


class Point(Record):
    x: int
    y: int = 0
    unit: ClassVar[str] = "mm"
    _hidden: int = 7


class Named(Point):
    name: str = "p"


class Place(Node):
    offset: int
    size: int = 8


def test_fields_are_given_in_order_or_by_name_and_have_defaults():
    assert repr(Point(1)) == repr(Point(x=1)) == "Point(x=1, y=0)"
    assert repr(Point(1, y=2)) == repr(Point(y=2, x=1)) == "Point(x=1, y=2)"
    assert repr(Place(3)) == "Place(offset=3, size=8)"


def test_fields_of_the_base_come_first():
    assert repr(Named(1, 2, "q")) == "Named(x=1, y=2, name='q')"
    assert repr(Point(1, 2)) == "Point(x=1, y=2)"


@pytest.mark.parametrize("kind", [Point, Place])
@pytest.mark.parametrize(
    ("values", "named", "message"),
    [
        ((), {}, "needs"),
        ((1, 2, 3), {}, "takes"),
        ((1,), {"other": 2}, "takes"),
        ((1,), {"x": 2, "offset": 2}, "takes"),
        ((1, 2), {"_hidden": 3}, "takes"),
    ],
)
def test_other_arguments_are_refused(kind, values, named, message):
    with pytest.raises(TypeError, match=f"{kind.__name__} {message}"):
        kind(*values, **named)


def test_records_are_compared_by_kind_and_fields():
    assert Point(1, 2) == Point(1, 2)
    assert hash(Point(1, 2)) == hash(Point(1, 2))
    assert Point(1, 2) != Point(1, 3)
    assert Point(1, 2) != Named(1, 2)
    assert Point(1, 2) != (1, 2)


def test_records_cannot_be_changed():
    point = Point(1, 2)
    with pytest.raises(AttributeError, match="a Point cannot be changed"):
        point.x = 3
    with pytest.raises(AttributeError, match="a Point cannot be changed"):
        del point.x
    assert point.replace(y=5) == Point(1, 5)
    assert point == Point(1, 2)
    with pytest.raises(TypeError, match="Point takes"):
        point.replace(z=1)


def test_records_are_copied_and_pickled():
    assert copy.copy(Point(1, 2)) == copy.deepcopy(Point(1, 2)) == Point(1, 2)
    machine = host()
    assert pickle.loads(pickle.dumps(machine)) == machine


def test_nodes_change_and_are_equal_to_themselves_alone():
    place, other = Place(1), Place(1)
    assert place == place
    assert place != other
    assert len({place, other}) == 2
    place.size = 4
    assert (place.size, other.size, Place.size) == (4, 8, 8)
