"""Exports: valid files of one domain, and the run's own numbers in other runtimes."""

import json

import numpy as np
import onnx
import onnxruntime
import pytest
from cases import FOLDER
from onnx.reference import ReferenceEvaluator
from safetensors.torch import load_file

EXPORTS = FOLDER / "exports"
SAID = json.loads((EXPORTS / "exports.json").read_text())
BY_FILE = {each["file"]: each for each in SAID}

# By how weights are stored; a byte of a resized picture may round to either side.
TOLERANCE = {"f32": 1e-5, "f16": 5e-3, "bf16": 5e-2}
HALFWAY = 1e-2

STORED = {"f32": onnx.TensorProto.FLOAT, "f16": onnx.TensorProto.FLOAT16, "bf16": onnx.TensorProto.BFLOAT16}


def model(file):
    return onnx.load(EXPORTS / file)


def records():
    return {key: value.numpy() for key, value in load_file(EXPORTS / "records.safetensors").items()}


def feeds(file):
    kind = "raw" if BY_FILE[file]["preprocess"] else "prepared"
    return {"image": records()[f"{kind}/image"]}


def allowed(file):
    said = BY_FILE[file]
    return max(TOLERANCE[said["precision"]], HALFWAY if said["preprocess"] else 0)


def test_every_export_of_the_program_is_here():
    assert sorted(each["opset"] for each in SAID if each["file"].startswith("opset")) == [17, 18, 19, 20, 21]
    assert {each["precision"] for each in SAID} == {"f32", "f16", "bf16"}
    assert any(each["preprocess"] for each in SAID)


@pytest.mark.parametrize("file", BY_FILE)
def test_the_checker_accepts(file):
    made = model(file)
    onnx.checker.check_model(made, full_check=True)
    assert [(entry.domain, entry.version) for entry in made.opset_import] == [("", BY_FILE[file]["opset"])]
    assert {node.domain for node in made.graph.node} == {""}
    assert [entry.name for entry in made.graph.input] == ["image"]
    element = made.graph.input[0].type.tensor_type.elem_type
    raw = BY_FILE[file]["preprocess"]
    assert element == (onnx.TensorProto.UINT8 if raw else onnx.TensorProto.FLOAT)


@pytest.mark.parametrize("file", BY_FILE)
def test_weights_are_stored_as_asked(file):
    stored = {tensor.name: tensor.data_type for tensor in model(file).graph.initializer}
    for name in ["conv.weight", "norm.weight", "head.weight", "head.bias"]:
        assert stored[name] == STORED[BY_FILE[file]["precision"]], name
    # What batch norm has counted is no parameter.
    assert stored["norm.running_var"] == onnx.TensorProto.FLOAT


def compare(file, names, values):
    expected = records()
    for name, value in zip(names, values, strict=True):
        want = expected[f"expected/{name}"]
        assert value.shape == want.shape, name
        assert np.abs(value - want).max() / max(1, np.abs(want).max()) < allowed(file), name


@pytest.mark.parametrize("file", BY_FILE)
def test_the_same_numbers_elsewhere(file):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(EXPORTS / file, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    compare(file, names, session.run(names, feeds(file)))


@pytest.mark.parametrize("file", ["opset17.onnx", "opset21.onnx", "f16.onnx", "raw17.onnx"])
def test_the_same_numbers_in_the_reference_evaluator(file):
    made = model(file)
    names = [output.name for output in made.graph.output]
    compare(file, names, ReferenceEvaluator(made).run(names, feeds(file)))


def test_a_batch_stays_symbolic_unless_it_is_fixed():
    def first(file):
        return model(file).graph.input[0].type.tensor_type.shape.dim[0]

    assert first("opset18.onnx").dim_param == "B"
    assert first("opset19.onnx").dim_value == 4
