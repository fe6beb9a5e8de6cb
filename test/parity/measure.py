"""How tensors are compared: the largest difference over the largest value, per tensor."""

import numpy as np


def difference(actual, expected):
    """max |actual - expected| / max |expected|; 0 for equal tensors, infinite for other shapes."""
    actual = np.asarray(actual, dtype=np.float64)
    expected = np.asarray(expected, dtype=np.float64)
    if actual.shape != expected.shape or not np.isfinite(actual).all():
        return float("inf")
    largest = np.abs(actual - expected).max(initial=0.0)
    return 0.0 if largest == 0 else float(largest / max(np.abs(expected).max(initial=0.0), 1e-30))


def differences(actual, expected):
    """The difference of each tensor of two dictionaries, which must have the same keys."""
    assert sorted(actual) == sorted(expected)
    return {key: difference(actual[key], expected[key]) for key in expected}


def worst(found):
    """The key with the largest difference, and the difference."""
    key = max(found, key=found.get)
    return key, found[key]
