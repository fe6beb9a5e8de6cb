"""Which side of zero activations fall on: recorded in one run and given to another."""

from contextlib import contextmanager
from dataclasses import dataclass

import torch.nn.functional as F


@dataclass
class Turned:
    """Activations that a run would have put on the other side by itself, of how far from zero."""

    turned: int = 0
    furthest: float = 0.0


@contextmanager
def recording():
    """A list that gets, for every call of `relu` in order, where the result is positive."""
    relu, sides = F.relu, []

    def recorded(x):
        y = relu(x)
        sides.append(y.detach() > 0)
        return y

    with _rectifying(recorded):
        yield sides


@contextmanager
def choosing(sides):
    """Calls of `relu` keep what lies on these sides, whatever its sign; there must be one for each."""
    given, turned = iter(sides), Turned()

    def chosen(x):
        side = next(given)
        assert side.shape == x.shape
        other = side != (x > 0)
        if other.any():
            turned.turned += int(other.sum())
            turned.furthest = max(turned.furthest, x.detach()[other].abs().max().item())
        return x * side

    with _rectifying(chosen):
        yield turned
    assert next(given, None) is None


@contextmanager
def _rectifying(function):
    relu = F.relu
    F.relu = function
    try:
        yield
    finally:
        F.relu = relu
