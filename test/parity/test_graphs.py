"""Random programs, their outputs and gradients, against the same steps in PyTorch.

Tensors are compared by `measure.difference`, but over the largest value of the tensor or a
hundredth of the largest gradient of the same loss, whichever is more: what is zero but for
rounding has no digits to compare.
"""

import json

import pytest
import torch
from cases import FOLDER
from op_twins import ALONE, TWINS
from safetensors.torch import load_file

INDEX = json.loads((FOLDER / "graphs" / "programs.json").read_text())
CHUNK, PROGRAMS = INDEX["chunk"], INDEX["programs"]

EXACT = 1e-7
"""The reference implementations in f64, where constants of ONNX's ops are f32."""
SINGLE = 2e-5
"""ONNX Runtime in f32, where PyTorch's own f32 is not further off."""
FACTOR = 8
"""How much further from f64 than the worst of PyTorch's own f32 in the same program."""


def computed(program, feeds, dtype):
    """All values, and the gradients of each loss, by the names of the fixture."""
    values = {k: v.to(dtype) if v.is_floating_point() else v for k, v in feeds.items()}
    leaves = {k: v.requires_grad_() for k, v in values.items() if v.is_floating_point()}
    for step in program["steps"]:
        inputs = [values[name] for name in step["inputs"]]
        made = step_of(step, inputs, dtype)
        values |= dict(zip(step["outputs"], made, strict=True))
    found = {name: values[name].detach() for name in program["outputs"] + program["losses"]}
    for i, loss in enumerate(program["losses"]):
        if not values[loss].requires_grad:
            continue
        options = {"retain_graph": True, "allow_unused": True}
        gradients = torch.autograd.grad(values[loss], list(leaves.values()), **options)
        for name, gradient in zip(leaves, gradients, strict=True):
            if gradient is not None:
                found[f"d{i}/{name}"] = gradient
    return found


def step_of(step, inputs, dtype):
    if step["op"] == "cast":
        return [inputs[0].to(dtype)]
    made = TWINS[step["op"]](step["attrs"], *inputs)
    return made if isinstance(made, (tuple, list)) else [made]


def errors(ours, theirs, scales):
    """The difference of each tensor; a gradient that one side leaves out is zero."""
    assert {k for k in theirs if "/" not in k} <= set(ours)
    found = {}
    for key in {*ours, *theirs}:
        a, b = ours.get(key), theirs.get(key)
        a = torch.zeros_like(b) if a is None else a.double()
        b = torch.zeros_like(a) if b is None else b.double()
        assert a.shape == b.shape, key
        assert a.isfinite().all(), key
        found[key] = (a - b).abs().max().item() / scales(key, b) if a.numel() > 0 else 0.0
    return found


def scales_of(exact):
    """What a difference is measured by."""
    largest = {}
    for key, value in exact.items():
        if "/" in key:
            loss = key.split("/")[0]
            largest[loss] = max(largest.get(loss, 0.0), value.abs().max().item())

    def scale(key, value):
        whole = 1e-2 * largest.get(key.split("/")[0], 0.0)
        return max(value.double().abs().max().item(), whole, 1e-2)

    return scale


def findings(program, tensors):
    """What is wrong with a program, in words."""
    exact = computed(program, tensors["feed"], torch.float64)
    single = computed(program, tensors["feed"], torch.float32)
    scales = scales_of(exact)
    own = errors(single, exact, scales)
    limit = max(SINGLE, FACTOR * max(own.values()))
    compared = [
        ("exact", errors(tensors["exact"], exact, scales), EXACT),
        ("plain", errors(tensors["plain"], exact, scales), limit),
        ("optimized", errors(tensors["optimized"], exact, scales), limit),
        ("functions", errors(tensors["functions"], exact, scales), limit),
        ("passes", errors(tensors["optimized"], tensors["plain"], scales), limit),
    ]
    return [
        f"{program['seed']} {kind} {key}: {value:.1e}"
        for kind, found, most in compared
        for key, value in found.items()
        if value > most
    ]


@pytest.mark.parametrize("chunk", range(-(-len(PROGRAMS) // CHUNK)))
def test_random_programs(chunk):
    tensors = {}
    for key, value in load_file(FOLDER / "graphs" / f"{chunk}.safetensors").items():
        seed, kind, name = key.split("/", 2)
        tensors.setdefault(seed, {}).setdefault(kind, {})[name] = value
    wrong = []
    for program in PROGRAMS[chunk * CHUNK : (chunk + 1) * CHUNK]:
        wrong += findings(program, tensors[str(program["seed"])])
    assert not wrong, "\n".join(wrong)


def test_programs_cover_the_ops():
    """Every op of the table of twins stands in some program but for those compared alone."""
    used = {step["op"] for program in PROGRAMS for step in program["steps"]}
    assert set(TWINS) - used == ALONE
    lengths = [len(program["steps"]) for program in PROGRAMS]
    assert min(lengths) <= 10
    assert max(lengths) >= 40
