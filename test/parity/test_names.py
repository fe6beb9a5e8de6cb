"""Names, shapes and numbers of parameters are those of the PyTorch models."""

import json

import pytest
from cases import FOLDER, case
from twins import MODELS


@pytest.mark.parametrize(
    "program, count",
    [
        ("resnet18", 11_689_512),
        ("resnet34", 21_797_672),
        ("resnet50", 25_557_032),
        ("features", None),
        ("bottlenecks", None),
        ("vit", None),
        ("attention", None),
        ("recurrent", None),
        ("spectral", None),
        ("norms", None),
    ],
)
def test_state_is_the_twins(program, count):
    name = "features-nesterov" if program == "features" else program
    folder = FOLDER / name
    whole = program in ("resnet34", "resnet50")
    file = folder / "plan.json" if whole else folder / "artifact" / "plan.json"
    entries = json.loads(file.read_text())["state"]
    model = MODELS[program]()
    ours = {e["key"]: (tuple(e["shape"]), e["role"]) for e in entries if e["role"] != "slot"}
    theirs = {k: (tuple(p.shape), "parameter") for k, p in model.named_parameters()}
    theirs |= {k: (tuple(b.shape), "buffer") for k, b in model.named_buffers()}
    assert ours == theirs
    # PyTorch registers a module's own tensors in the order of the state dictionary.
    total = sum(p.numel() for p in model.parameters())
    assert total == sum(_size(e) for e in entries if e["role"] == "parameter")
    assert count is None or total == count


def _size(entry):
    size = 1
    for extent in entry["shape"]:
        size *= extent
    return size


def test_slots_belong_to_parameters():
    entries = case("resnet18").plan["state"]
    shapes = {e["path"]: e["shape"] for e in entries if e["role"] == "parameter"}
    slots = [e for e in entries if e["role"] == "slot"]
    assert len(slots) == 2 * len(shapes)
    assert all(e["shape"] == shapes[e["of"]] for e in slots)


def test_initial_weights_are_kaimings():
    """The spread of a large layer is that of PyTorch's `kaiming_normal_(mode="fan_out")`."""
    weight = case("resnet18").tensors("state-before")["model.layer4.1.conv2.weight"]
    assert weight.std().item() == pytest.approx((2 / (512 * 9)) ** 0.5, rel=0.01)
    assert abs(weight.mean().item()) < 1e-4
