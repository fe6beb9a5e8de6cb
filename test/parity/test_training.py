"""Gradients, losses, updates, running statistics and inference against PyTorch.

Tensors are compared by `measure.difference`: the largest absolute difference over the largest
absolute value, per tensor, in f32.
"""

import pytest
import torch
from cases import NAMES, case, named, state_of, trained
from measure import difference, differences, worst
from twins import LOSSES, OPTIMIZERS

FORWARD = 1e-4
"""Outputs, gradients, and everything after one update."""

SMALL = [name for name in NAMES if name.startswith("features")]


@pytest.mark.parametrize("name", NAMES)
def test_gradients_of_the_first_update(name):
    found = differences(case(name).tensors("gradients"), trained(name).gradients)
    key, value = worst(found)
    assert value < FORWARD, key


@pytest.mark.parametrize("name", NAMES)
def test_loss_of_the_first_update(name):
    ours, theirs = case(name).info["losses"][0], trained(name).losses[0]
    assert sorted(ours) == sorted(theirs)
    for key in theirs:
        assert ours[key] == pytest.approx(theirs[key], rel=1e-5), key


@pytest.mark.parametrize("name", NAMES)
def test_state_after_one_update(name):
    each = case(name)
    ours, theirs = each.tensors("state-after-1"), trained(name).after_1
    if each.info["program"] != "resnet18":
        key, value = worst(differences(ours, theirs))
        assert value < FORWARD, key
        return
    # AdamW's first update is the rate times the gradient's sign, whatever its size: where the
    # gradient is rounding noise the sign is too.
    parameters = roles(each, "parameter")
    rest = [key for key in ours if key not in parameters]
    key, value = worst({key: difference(ours[key], theirs[key]) for key in rest})
    assert value < FORWARD, key
    limit = 1e-2 * each.info["rates"][0]
    apart = sum(int(((ours[k] - theirs[k]).abs() > limit).sum()) for k in parameters)
    assert apart / sum(ours[k].numel() for k in parameters) < 1e-4


@pytest.mark.parametrize("name", NAMES)
def test_update_rule_on_our_gradients(name):
    """PyTorch's optimizer makes of our gradients what our graph does."""
    each = case(name)
    gradients, ours = each.tensors("gradients"), each.tensors("state-after-1")
    model = each.model("state-before")
    optimizer = OPTIMIZERS[each.info["program"]](model.parameters(), each.info["settings"])
    optimizer.param_groups[0]["lr"] = each.info["rates"][0]
    for path, parameter in named(each, model).items():
        parameter.grad = gradients[path].clone()
    optimizer.step()
    theirs = state_of(each, model, optimizer)
    compared = [key for key in ours if key not in roles(each, "buffer")]
    key, value = worst({key: difference(ours[key], theirs[key]) for key in compared})
    assert value < 2e-5, key


def roles(each, role):
    return {entry["path"] for entry in each.plan["state"] if entry["role"] == role}


@pytest.mark.parametrize("name", NAMES)
def test_batch_norm_statistics(name):
    ours, theirs = case(name).tensors("state-after-1"), trained(name).after_1
    running = [key for key in ours if "running_" in key]
    assert running
    for key in running:
        assert difference(ours[key], theirs[key]) < 1e-5, key
    after = case(name).tensors("state-after")
    counts = [key for key in after if key.endswith("num_batches_tracked")]
    assert [after[key].item() for key in counts] == [20] * len(counts)


@pytest.mark.parametrize("name", SMALL)
def test_twenty_updates_of_sgd(name):
    """A smooth rule on a small network: the runs stay together to rounding.

    The nearer of PyTorch's runs in f32 and f64 counts: in one of them an activation may fall on
    the other side of zero, which moves gradients by more than rounding.
    """
    each, runs = case(name), [trained(name), trained(name, torch.float64)]
    for i, ours in enumerate(each.info["losses"]):
        for key, value in ours.items():
            assert min(abs(value - r.losses[i][key]) / abs(value) for r in runs) < 1e-5, (i, key)
    state = each.tensors("state-after")
    key, value = min((worst(differences(state, run.after)) for run in runs), key=lambda w: w[1])
    assert value < FORWARD, key


def test_twenty_updates_of_adamw():
    """Our curve stays within 1 % of PyTorch's in f64, and as near to it as PyTorch's own in f32.

    AdamW divides by the gradient's own size, so that rounding noise grows from step to step: two
    f32 programs that are both right drift apart. The curve in f64 is the measure of both.
    """
    ours = [losses["loss"] for losses in case("resnet18").info["losses"]]
    f32 = [losses["loss"] for losses in trained("resnet18").losses]
    f64 = [losses["loss"] for losses in trained("resnet18", torch.float64).losses]
    errors = [abs(a - b) / b for a, b in zip(ours, f64, strict=True)]
    own = [abs(a - b) / b for a, b in zip(f32, f64, strict=True)]
    print("\nstep      ours     torch f32     torch f64   ours off   f32 off")
    for i, row in enumerate(zip(ours, f32, f64, errors, own, strict=True), start=1):
        print(f"{i:4} {row[0]:13.7f} {row[1]:13.7f} {row[2]:13.7f}   {row[3]:.1e}   {row[4]:.1e}")
    assert errors[0] < 1e-6
    assert max(errors) < max(3 * max(own), 1e-3)
    assert max(errors) < 1e-2


def test_gradients_against_f64():
    """Our gradients are as close to the exact ones as PyTorch's in f32 are, within a factor."""
    exact = trained("resnet18", torch.float64).gradients
    ours = worst(differences(case("resnet18").tensors("gradients"), exact))
    theirs = worst(differences(trained("resnet18").gradients, exact))
    print(f"\nworst gradient: ours {ours}, torch f32 {theirs}")
    assert ours[1] < max(5 * theirs[1], 1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("records", [3, None])
def test_inference(name, records):
    each = case(name)
    file = f"infer-{records or each.plan['batch']}"
    model = each.model("state-after").eval()
    with torch.no_grad():
        outputs = model(each.group(file, "field")["x"])
    expected = outputs if isinstance(outputs, tuple) else (outputs,)
    ours = each.group(file, "output")
    names = [output["name"] for output in each.plan["infer"]["outputs"]]
    assert len(names) == len(expected)
    for key, theirs in zip(names, expected, strict=True):
        assert difference(ours[key], theirs) < FORWARD, key


@pytest.mark.parametrize("name", NAMES)
def test_evaluation_leaves_padding_out(name):
    each = case(name)
    valid = each.group("evaluation", "batch")["valid"].bool()
    assert not valid.all()
    fields = {key: value[valid] for key, value in each.group("evaluation", "field").items()}
    with torch.no_grad():
        outputs = each.model("state-after").eval()(fields["x"])
        theirs = LOSSES[each.info["program"]](outputs, fields)
    ours = each.info["evaluation"]
    assert sorted(ours) == sorted(theirs)
    for key in theirs:
        assert ours[key] == pytest.approx(theirs[key].item(), rel=1e-4), key
