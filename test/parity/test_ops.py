"""Single ops, forward and backward, against their twins in PyTorch."""

import json

import onnx
import pytest
import torch
import torch.nn.functional as F
from cases import FOLDER
from measure import difference
from safetensors.torch import load_file

CASES = json.loads((FOLDER / "ops" / "index.json").read_text())


def _conv(a, x, w):
    top, left, bottom, right = a.get("pads", [0, 0, 0, 0])
    return F.conv2d(
        F.pad(x, [left, right, top, bottom]),
        w,
        stride=a.get("stride", 1),
        dilation=a.get("dilation", 1),
        groups=a.get("groups", 1),
    )


def _pad(a, x):
    pairs = zip(reversed(a["before"]), reversed(a["after"]), strict=True)
    return F.pad(x, [amount for pair in pairs for amount in pair])


def _slice(a, x):
    index = [slice(None)] * x.ndim
    index[a["axis"]] = slice(a["from"], a["to"], a["step"])
    return x[tuple(index)]


TWINS = {
    "relu": lambda a, x: F.relu(x),
    "softplus": lambda a, x: F.softplus(x),
    "sigmoid": lambda a, x: torch.sigmoid(x),
    "tanh": lambda a, x: torch.tanh(x),
    "erf": lambda a, x: torch.erf(x),
    "matmul": lambda a, x, w: x @ w,
    "mul": lambda a, x, w: x * w,
    "div": lambda a, x, w: x / w,
    "sum": lambda a, x: x.sum(a["axes"], keepdim=a["keep"]),
    "mean": lambda a, x: x.mean(a["axes"], keepdim=a["keep"]),
    "amax": lambda a, x: x.amax(a["axes"], keepdim=a["keep"]),
    "logsumexp": lambda a, x: x.logsumexp(a["axis"], keepdim=a["keep"]),
    "softmax": lambda a, x: x.softmax(a["axis"]),
    "log_softmax": lambda a, x: x.log_softmax(a["axis"]),
    "cross_entropy": lambda a, x, k: F.cross_entropy(x, k, reduction="none"),
    "slice": _slice,
    "pad": _pad,
    "concat": lambda a, *xs: torch.cat(xs, a["axis"]),
    "transpose": lambda a, x: x.permute(a["order"]),
    "conv": _conv,
    "max_pool": lambda a, x: F.max_pool2d(x, a["kernel"], a["stride"], a.get("pads", [0])[0]),
    "avg_pool": lambda a, x: F.avg_pool2d(x, a["kernel"], a["stride"]),
    "batch_norm": lambda a, x, g, b: F.batch_norm(x, None, None, g, b, True, eps=a["eps"]),
}


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
    y = TWINS[each["op"]](each.get("attrs", {}), *leaves)
    y.backward(tensors["dy"])
    assert difference(tensors["y"], y.detach()) < 1e-5
    for i, leaf in enumerate(leaves):
        if leaf.is_floating_point():
            assert difference(tensors[f"dx{i}"], leaf.grad) < 2e-5, f"dx{i}"
