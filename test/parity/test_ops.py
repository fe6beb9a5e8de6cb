"""Single ops, forward and backward, against their twins in PyTorch."""

import json

import onnx
import onnxruntime
import pytest
from cases import FOLDER
from measure import difference
from op_twins import TWINS, UNTESTED
from safetensors.torch import load_file

CASES = json.loads((FOLDER / "ops" / "index.json").read_text())


def _title(each):
    attrs = " ".join(f"{k}={v}" for k, v in each.get("attrs", {}).items())
    return f"{each['op']} {each['inputs']} {attrs}".replace(" ", "_")


@pytest.mark.parametrize("index", range(len(CASES)), ids=[_title(each) for each in CASES])
def test_functions(index):
    """With calls of coarse ops the file is valid, and the same in plain ONNX Runtime."""
    model = onnx.load(FOLDER / "ops" / f"{index}-functions.onnx")
    onnx.checker.check_model(model, full_check=True)
    bodies = {(f.domain, f.name, f.overload) for f in model.functions}
    calls = {(n.domain, n.op_type, n.overload) for n in model.graph.node if n.domain != ""}
    assert calls == bodies
    assert {domain for domain, _, _ in bodies} <= {"saic"}
    tensors = load_file(FOLDER / "ops" / f"{index}.safetensors")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    names = [output.name for output in session.get_outputs()]
    feeds = {i.name: tensors[i.name].numpy() for i in session.get_inputs()}
    for name, value in zip(names, session.run(names, feeds), strict=True):
        assert difference(value, tensors[name]) < 1e-6, name


def test_functions_are_called():
    """Every op of the table that is coarse is a call in some file."""
    files = [onnx.load(FOLDER / "ops" / f"{i}-functions.onnx") for i in range(len(CASES))]
    called = {node.op_type for file in files for node in file.graph.node if node.domain == "saic"}
    assert len(called) >= 25, called


@pytest.mark.parametrize("index", range(len(CASES)), ids=[_title(each) for each in CASES])
def test_op(index):
    each = CASES[index]
    onnx.checker.check_model(onnx.load(FOLDER / "ops" / f"{index}.onnx"), full_check=True)
    tensors = load_file(FOLDER / "ops" / f"{index}.safetensors")
    inputs = [tensors[f"x{i}"] for i in range(len(each["inputs"]))]
    leaves = [x.requires_grad_() if x.is_floating_point() else x for x in inputs]
    made = TWINS[each["op"]](each.get("attrs", {}), *leaves)
    y = made[0] if isinstance(made, tuple) else made
    if y.requires_grad:
        y.backward(tensors["dy"])
    assert difference(tensors["y"], y.detach().float()) < 1e-5
    for i, leaf in enumerate(leaves):
        assert (f"dx{i}" in tensors) == (leaf.grad is not None), f"dx{i}"
        if leaf.grad is not None:
            assert difference(tensors[f"dx{i}"], leaf.grad) < 2e-5, f"dx{i}"


def test_every_op_has_a_twin_or_a_reason():
    """Public ops are called in a table or a random program, internal ones are in graphs of these.

    Graphs hold what differentiation and passes make: `relu_grad` is tested as the gradient of `relu`.
    """
    known = json.loads((FOLDER / "ops" / "known.json").read_text())
    random = json.loads((FOLDER / "graphs" / "programs.json").read_text())
    called = {each["op"] for each in CASES}
    called |= {step["op"] for program in random["programs"] for step in program["steps"]}
    met = called | {op["name"] for op in known if op["met"]} | set(random["met"])
    for file in (FOLDER / "architectures").glob("*/ops.json"):
        met |= set(json.loads(file.read_text()))
    reached = {"public": called, "internal": met}
    missing = {op["name"] for op in known if op["name"] not in reached[op["surface"]]}
    assert len(known) > 120
    assert called <= set(TWINS)
    assert missing == set(UNTESTED)
    assert all(reason.endswith(".") for reason in UNTESTED.values())
