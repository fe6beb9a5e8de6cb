"""Single ops, forward and backward, against their twins in PyTorch."""

import json

import onnx
import pytest
from cases import FOLDER
from measure import difference
from op_twins import TWINS
from safetensors.torch import load_file

CASES = json.loads((FOLDER / "ops" / "index.json").read_text())


def _title(each):
    attrs = " ".join(f"{k}={v}" for k, v in each.get("attrs", {}).items())
    return f"{each['op']} {each['inputs']} {attrs}".replace(" ", "_")


@pytest.mark.parametrize("index", range(len(CASES)), ids=[_title(each) for each in CASES])
def test_op(index):
    each = CASES[index]
    onnx.checker.check_model(onnx.load(FOLDER / "ops" / f"{index}.onnx"), full_check=True)
    tensors = load_file(FOLDER / "ops" / f"{index}.safetensors")
    inputs = [tensors[f"x{i}"] for i in range(len(each["inputs"]))]
    leaves = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
    made = TWINS[each["op"]](each.get("attrs", {}), *leaves)
    y = made[0] if isinstance(made, tuple) else made
    y.backward(tensors["dy"])
    assert difference(tensors["y"], y.detach()) < 1e-5
    for i, leaf in enumerate(leaves):
        if leaf.is_floating_point():
            assert difference(tensors[f"dx{i}"], leaf.grad) < 2e-5, f"dx{i}"
