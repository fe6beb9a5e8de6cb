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
    amounts = [amount for pair in pairs for amount in pair]
    mode = {"edge": "replicate"}.get(a.get("mode"), a.get("mode", "constant"))
    return F.pad(x, amounts if mode == "constant" else amounts[:4], mode)


def _slice(a, x):
    index = [slice(None)] * x.ndim
    index[a["axis"]] = slice(a["from"], a["to"], a["step"])
    return x[tuple(index)]


def _conv_transpose(a, x, w):
    pads = a.get("pads", [0, 0, 0, 0])
    assert pads[:2] == pads[2:]
    return F.conv_transpose2d(
        x,
        w,
        stride=a.get("stride", 1),
        padding=pads[:2],
        output_padding=a.get("output_pad", 0),
        dilation=a.get("dilation", 1),
        groups=a.get("groups", 1),
    )


def _cross_entropy(a, x, k):
    weight = torch.tensor(a["weights"]) if a.get("weights") else None
    return F.cross_entropy(
        x.movedim(-1, 1),
        k,
        weight=weight,
        ignore_index=a.get("ignore", -100),
        reduction="none",
        label_smoothing=a.get("smoothing", 0),
    )


def _gather(a, x, k):
    shape = (*x.shape[: a["axis"]], *k.shape, *x.shape[a["axis"] + 1 :])
    return x.index_select(a["axis"], k.flatten()).reshape(shape)


def _resize(a, x):
    corners = {} if a["mode"] == "nearest" else {"align_corners": a["align_corners"]}
    return F.interpolate(x, (a["height"], a["width"]), mode=a["mode"], **corners)


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
    "softmax_cross_entropy": _cross_entropy,
    "slice": _slice,
    "pad": _pad,
    "concat": lambda a, *xs: torch.cat(xs, a["axis"]),
    "transpose": lambda a, x: x.permute(a["order"]),
    "conv": _conv,
    "max_pool": lambda a, x: F.max_pool2d(x, a["kernel"], a["stride"], a.get("pads", [0])[0]),
    "avg_pool": lambda a, x: F.avg_pool2d(x, a["kernel"], a["stride"]),
    "batch_norm": lambda a, x, g, b: F.batch_norm(x, None, None, g, b, True, eps=a["eps"]),
    "gelu": lambda a, x: F.gelu(x, approximate=a.get("approximate", "none")),
    "silu": lambda a, x: F.silu(x),
    "elu": lambda a, x: F.elu(x, a.get("alpha", 1)),
    "hardsigmoid": lambda a, x: F.hardsigmoid(x),
    "hardswish": lambda a, x: F.hardswish(x),
    "leaky_relu": lambda a, x: F.leaky_relu(x, a["slope"]),
    "expm1": lambda a, x: torch.expm1(x),
    "clip": lambda a, x: x.clamp(a["low"], a["high"]),
    "amin": lambda a, x: x.amin(a["axes"], keepdim=a["keep"]),
    "var": lambda a, x: x.var(a["axes"], correction=a["correction"], keepdim=a["keep"]),
    "prod": lambda a, x: x.prod(a["axes"][0], keepdim=a["keep"]),
    "cumsum": lambda a, x: x.cumsum(a["axis"]),
    "top_k": lambda a, x: x.topk(a["k"], a["axis"])[0],
    "tile": lambda a, x: x.tile(a["repeats"]),
    "flip": lambda a, x: x.flip(a["axes"]),
    "roll": lambda a, x: x.roll(a["shift"], a["axis"]),
    "gather": _gather,
    "take_along": lambda a, x, k: x.take_along_dim(k, a["axis"]),
    "conv_transpose": _conv_transpose,
    "adaptive_avg_pool": lambda a, x: F.adaptive_avg_pool2d(x, (a["height"], a["width"])),
    "resize": _resize,
    "layer_norm": lambda a, x, g, b: F.layer_norm(x, g.shape, g, b, a["eps"]),
    "rms_norm": lambda a, x, g: F.rms_norm(x, g.shape, g, a["eps"]),
    "group_norm": lambda a, x, g, b: F.group_norm(x, a["groups"], g, b, a["eps"]),
    "scaled_dot_product": lambda a, q, k, v: F.scaled_dot_product_attention(
        q, k, v, is_causal=a["causal"], scale=a["scale"]
    ),
    "scaled_dot_product_biased": lambda a, q, k, v, m: F.scaled_dot_product_attention(
        q, k, v, attn_mask=m, scale=a["scale"]
    ),
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
