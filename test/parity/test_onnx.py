"""The emitted files are plain ONNX: valid, of one domain, and the same in other runtimes."""

import numpy as np
import onnx
import onnxruntime
import pytest
from cases import NAMES, case
from measure import difference, worst
from onnx.reference import ReferenceEvaluator

FILES = ["step", "grad", "apply", "eval", "infer"]


def spec_of(each, graph):
    return each.plan["infer"] if graph == "infer" else each.stage["graphs"][graph]


def session_of(each, graph):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    options.log_severity_level = 3
    path = each.artifact / spec_of(each, graph)["file"]
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def feeds_of(each, graph, file, state, gradients=None):
    """What each input is to be fed, from the fixture's files, at the first update."""
    feeds = {}
    tensors = {key: value.numpy() for key, value in each.tensors(file).items()}
    for entry in spec_of(each, graph)["inputs"]:
        feed = entry["feed"]
        match feed["kind"]:
            case "field":
                value = tensors[f"field/{feed['field']}"]
            case "valid":
                value = tensors["batch/valid"]
            case "random":
                value = tensors[f"draw/{feed['draw']}"]
            case "state":
                value = state[feed["path"]]
            case "gradient":
                value = gradients[feed["path"]]
            case "schedule":
                value = np.full(entry["shape"], each.info["rates"][0], dtype=np.float32)
            case "count":
                value = np.full(entry["shape"], 1, dtype=NUMPY[entry["dtype"]])
        feeds[entry["name"]] = value
    return feeds


NUMPY = {"f32": np.float32, "f64": np.float64, "i64": np.int64, "i32": np.int32}


def run(each, graph, feeds):
    outputs = spec_of(each, graph)["outputs"]
    values = session_of(each, graph).run([o["name"] for o in outputs], feeds)
    return list(zip(outputs, values, strict=True))


def by_path(results, kind):
    return {o["meaning"]["path"]: v for o, v in results if o["meaning"]["kind"] == kind}


def numpy_state(each, file):
    return {key: value.numpy() for key, value in each.tensors(file).items()}


@pytest.mark.parametrize("graph", FILES)
@pytest.mark.parametrize("name", NAMES)
def test_the_checker_accepts(name, graph):
    each = case(name)
    model = onnx.load(each.artifact / spec_of(each, graph)["file"])
    onnx.checker.check_model(model, full_check=True)
    assert {entry.domain for entry in model.opset_import} <= {"", "ai.onnx"}
    assert {node.domain for node in model.graph.node} <= {"", "ai.onnx"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("records", [3, None])
def test_inference_elsewhere(name, records):
    each = case(name)
    file = f"infer-{records or each.plan['batch']}"
    feeds = feeds_of(each, "infer", file, numpy_state(each, "state-after"))
    expected = each.group(file, "output")
    for output, value in run(each, "infer", feeds):
        assert difference(value, expected[output["name"]]) < 1e-5, output["name"]


@pytest.mark.parametrize("name", ["features-nesterov", "features-plain", "resnet18"])
def test_inference_in_the_reference_evaluator(name):
    """ResNet-18 on one record of the smallest file, for the evaluator's speed."""
    each = case(name)
    feeds = feeds_of(each, "infer", "infer-3", numpy_state(each, "state-after"))
    records = 1 if name == "resnet18" else 3
    for entry in spec_of(each, "infer")["inputs"]:
        if entry["feed"]["kind"] == "field":
            feeds[entry["name"]] = feeds[entry["name"]][:records]
    evaluator = ReferenceEvaluator(str(each.artifact / spec_of(each, "infer")["file"]))
    names = [output["name"] for output in spec_of(each, "infer")["outputs"]]
    expected = each.group("infer-3", "output")
    for key, value in zip(names, evaluator.run(names, feeds), strict=True):
        assert difference(value, expected[key][:records]) < 1e-4, key


@pytest.mark.parametrize("name", NAMES)
def test_gradients_then_update_is_one_step(name):
    each = case(name)
    state = numpy_state(each, "state-before")
    whole = run(each, "step", feeds_of(each, "step", "update-1", state))
    first = run(each, "grad", feeds_of(each, "grad", "update-1", state))
    moved = by_path(first, "state")
    gradients = by_path(first, "gradient")
    second = run(each, "apply", feeds_of(each, "apply", "update-1", state | moved, gradients))
    ours = moved | by_path(second, "state")
    expected = by_path(whole, "state")
    assert sorted(ours) == sorted(expected)
    found = {key: difference(ours[key], expected[key]) for key in expected}
    key, value = worst(found)
    assert value < 1e-6, key
    # And it is what our own executor gave.
    recorded = each.tensors("state-after-1")
    assert set(expected) <= set(recorded)
    for key, theirs in expected.items():
        if ".running_" in key or name.startswith("features"):
            assert difference(recorded[key], theirs) < 1e-4, key
