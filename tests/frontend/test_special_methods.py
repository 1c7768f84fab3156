"""Special methods, descriptors and what Python keeps of classes: nothing is frozen."""

import types

import numpy as np
import pytest

import penstock as ps
from tests.frontend.test_frozen_state import follows

X = np.ones(2)
FACTOR = 2.0


def setting(owner, name, value):
    return lambda: setattr(owner, name, value)


def make(**names):
    return type("Made", (), names)


class Manager:
    def __enter__(self):
        return 2.0

    def __exit__(self, *exception):
        return False


def entered(p, x):
    with p as scale:
        return x * scale


def added_in_place(p, x):
    p += x
    return p


@pytest.mark.parametrize(
    ("function", "name", "first", "second"),
    [
        (lambda p, x: p(x), "__call__", lambda s, x: x + 1, lambda s, x: x - 1),
        (lambda p, x: x * p[3], "__getitem__", lambda s, i: i, lambda s, i: -i),
        (lambda p, x: x * len(p), "__len__", lambda s: 2, lambda s: 3),
        (lambda p, x: p + x, "__add__", lambda s, x: x + 1, lambda s, x: x - 1),
        (lambda p, x: x + p, "__radd__", lambda s, x: x + 1, lambda s, x: x - 1),
        (lambda p, x: x * (3 in p), "__contains__", lambda s, i: 1, lambda s, i: 0),
        (lambda p, x: x * sum(p), "__iter__", lambda s: iter([1]), lambda s: iter([2])),
        (lambda p, x: x if p else -x, "__bool__", lambda s: True, lambda s: False),
        (lambda p, x: x if p == 1 else -x, "__eq__", lambda s, o: 1, lambda s, o: 0),
        (lambda p, x: x * p.scale, "__getattr__", lambda s, n: 2.0, lambda s, n: 3.0),
        (lambda p, x: x * len(str(p)), "__str__", lambda s: "a", lambda s: "ab"),
        (lambda p, x: x * int(p), "__int__", lambda s: 4, lambda s: 5),
        (lambda p, x: x * -p, "__neg__", lambda s: 4, lambda s: 5),
    ],
)
def test_a_special_method_that_is_replaced(function, name, first, second):
    # Arrays leave operators to those alone that say that they go first.
    names = {name: first, "__array_priority__": 1.0}
    kind = make(**names)
    p = kind()
    follows(lambda x: function(p, x), setting(kind, name, second))
    compiled, q = ps.compile(function), make(**names)()
    np.testing.assert_array_equal(compiled(q, X), function(q, X))
    setattr(type(q), name, second)
    np.testing.assert_array_equal(compiled(q, X), function(q, X))


@pytest.mark.parametrize(
    ("function", "names", "name", "value"),
    [
        (lambda p, x: x if p else -x, {}, "__bool__", lambda s: False),
        (lambda p, x: x if p else -x, {}, "__len__", lambda s: 0),
        (
            lambda p, x: x if p else -x,
            {"__len__": lambda s: 2}, "__bool__", lambda s: False,
        ),
        (
            lambda p, x: x * (2 in p),
            {"__iter__": lambda s: iter([1])}, "__contains__", lambda s, i: True,
        ),
        (
            lambda p, x: x * sum(p),
            {"__getitem__": lambda s, i: [1, 2][i]}, "__iter__", lambda s: iter([7]),
        ),
        (lambda p, x: x if p == 1 else -x, {}, "__eq__", lambda s, o: True),
        (lambda p, x: x if p != p else -x, {}, "__eq__", lambda s, o: False),
        (
            added_in_place,
            {"__add__": lambda s, x: x + 1}, "__iadd__", lambda s, x: x - 1,
        ),
        (
            lambda p, x: x * len(str(p)),
            {"__repr__": lambda s: "a"}, "__str__", lambda s: "ab",
        ),
        (lambda p, x: x * getattr(p, "k", 1.0), {}, "__getattr__", lambda s, n: 5.0),
        (lambda p, x: x * p.k, {"k": 3.0}, "k", property(lambda s: 4.0)),
    ],
)  # fmt: skip
def test_a_special_method_that_is_set_later(function, names, name, value):
    base = make(**names)
    kind = type("Derived", (base,), {})
    for owner in (kind, base):
        p = kind()
        steps = [setting(owner, name, value)]
        if name not in names:
            steps.append(lambda owner=owner: delattr(owner, name))
        follows(lambda x, p=p: function(p, x), *steps)


def test_a_manager_that_is_replaced():
    manager = Manager()
    follows(
        lambda x: entered(manager, x),
        setting(Manager, "__enter__", lambda self: 3.0),
    )


class Meta(type):
    size = 3

    def __len__(cls):
        return cls.size

    def __getitem__(cls, index):
        return index * FACTOR

    def __call__(cls, *args):
        made = super().__call__(*args)
        made.scale = FACTOR
        return made

    def named(cls):
        return cls.size * FACTOR

    @property
    def doubled(cls):
        return cls.size * 2


class WithMeta(metaclass=Meta):
    size = 4


def test_metaclasses(monkeypatch):
    def function(x):
        sizes = len(WithMeta) + WithMeta[2] + WithMeta.named() + WithMeta.doubled
        return x * sizes * WithMeta().scale

    here = globals()
    follows(
        function,
        lambda: monkeypatch.setitem(here, "FACTOR", 5.0),
        setting(WithMeta, "size", 6),
        setting(Meta, "__len__", lambda cls: 8),
        setting(Meta, "named", lambda cls: 9),
        setting(Meta, "doubled", property(lambda cls: 10)),
        setting(Meta, "__getitem__", lambda cls, index: 11),
    )


class Scale:
    def __init__(self, scale):
        self.scale = scale

    def __get__(self, instance, owner):
        return self.scale if instance is None else self.scale * instance.factor


class Checked:
    def __set_name__(self, owner, name):
        self.name = f"_{name}"

    def __get__(self, instance, owner):
        return self if instance is None else getattr(instance, self.name)

    def __set__(self, instance, value):
        setattr(instance, self.name, value * 2)


class Base:
    d = Scale(2.0)
    e = Scale(3.0)
    factor = 3.0


class User(Base):
    c = Checked()

    def __init__(self, c):
        self.c = c


def test_descriptors():
    user = User(5.0)
    follows(
        lambda x: x + user.d * user.c + User.d + User(7.0).c + user.e,
        setting(Base.__dict__["d"], "scale", 4.0),
        setting(user, "factor", 5.0),
        setting(user, "c", 9.0),
        setting(User, "d", Scale(1.0)),
        lambda: vars(user).update(e=3.0),
        setting(Checked, "__get__", lambda self, instance, owner: 3.0),
    )
    compiled = ps.compile(lambda user, x: x + user.d)
    np.testing.assert_array_equal(compiled(user, X), X + user.d)
    Base.factor = 11.0
    user.factor = 12.0
    np.testing.assert_array_equal(compiled(user, X), X + user.d)


def test_read_only_views_of_dicts():
    base = {"q": 2.0, "w": np.ones(2)}
    view = types.MappingProxyType(base)

    def function(x):
        total = x * view["q"] * len(view) + view.get("r", 0.0) + ("r" in view)
        return total + sum(view.values()) + isinstance(view, types.MappingProxyType)

    follows(
        function,
        lambda: base.update(q=4.0),
        lambda: base.update(w=np.arange(2.0)),
        lambda: base.update(r=5.0),
    )
    compiled = ps.compile(lambda view, x: x * view["q"])
    np.testing.assert_array_equal(compiled(view, X), 4 * X)
    base["q"] = 9.0
    np.testing.assert_array_equal(compiled(view, X), 9 * X)


def test_what_python_keeps_of_classes():
    class Documented(Base):
        """One."""

        k: int = 2
        j = 3

    documented = Documented()
    names = types.SimpleNamespace(a=1.0)

    def function(x):
        text = Documented.__doc__ + documented.__doc__ + Documented.__name__
        parts = (
            len(text), len(Documented.__mro__), len(Documented.__bases__),
            vars(Documented)["j"], Documented.__dict__["j"], documented.j,
            len(Documented.__annotations__), len(documented.__annotations__),
            len(dir(names)), Documented.__mro__[1].factor, Documented.__module__ == "m",
        )  # fmt: skip
        return x * np.array(parts)

    follows(
        lambda x: function(x[:, None]),
        setting(Documented, "__doc__", "Another."),
        setting(documented, "__doc__", "Its own."),
        setting(Documented, "__name__", "Named"),
        setting(Documented, "j", 5),
        lambda: Documented.__annotations__.update(j=int),
        setting(names, "b", 2.0),
        setting(Base, "factor", 6.0),
        setting(Documented, "__module__", "m"),
    )
