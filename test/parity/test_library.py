"""Models, losses and optimizers of the library against PyTorch's own.

Tensors are compared by `measure.difference`: the largest absolute difference over the largest
absolute value, per tensor.
"""

import pytest
import torch
from cases import case, named, state_of, trained
from measure import difference, differences, worst
from twins import LOSSES, OPTIMIZERS

LIBRARY = ["bottlenecks", "vit", "attention", "recurrent", "spectral", "norms"]


@pytest.mark.parametrize("name", LIBRARY)
def test_loss_and_gradients_of_the_first_update(name):
    """Against PyTorch in f64, within what PyTorch in f32 is off by, or 1e-5."""
    each, exact, single = case(name), trained(name, torch.float64), trained(name)
    assert each.info["losses"][0]["total"] == pytest.approx(exact.losses[0]["total"], rel=1e-6)
    key, value = worst(differences(each.tensors("gradients"), exact.gradients))
    _, own = worst(differences(single.gradients, exact.gradients))
    assert value < max(5 * own, 1e-5), key


@pytest.mark.parametrize("name", LIBRARY)
def test_update_rule_on_our_gradients(name):
    """PyTorch's optimizer makes of our gradients what our graph does, slots too."""
    each = case(name)
    gradients, ours = each.tensors("gradients"), each.tensors("state-after-1")
    model = each.model("state-before")
    optimizer = OPTIMIZERS[name](model.parameters(), {})
    optimizer.param_groups[0]["lr"] = each.info["rates"][0]
    for path, parameter in named(each, model).items():
        parameter.grad = gradients[path].clone()
    optimizer.step()
    theirs = state_of(each, model, optimizer)
    buffers = {entry["path"] for entry in each.plan["state"] if entry["role"] == "buffer"}
    compared = {k: difference(ours[k], theirs[k]) for k in ours if k not in buffers}
    assert len(compared) == 3 * len(gradients)
    key, value = worst(compared)
    assert value < 2e-5, key


@pytest.mark.parametrize("name", LIBRARY)
def test_losses_of_six_updates(name):
    """As near to PyTorch in f64 as PyTorch in f32 is, within a factor, or 1e-5."""
    ours = [losses["total"] for losses in case(name).info["losses"]]
    exact = [losses["total"] for losses in trained(name, torch.float64).losses]
    single = [losses["total"] for losses in trained(name).losses]
    assert len(ours) == 6
    assert ours[0] != pytest.approx(ours[-1], rel=1e-3)
    errors = [abs(a - b) / b for a, b in zip(ours, exact, strict=True)]
    own = [abs(a - b) / b for a, b in zip(single, exact, strict=True)]
    print(f"\n{name}: ours off {max(errors):.1e}, torch f32 off {max(own):.1e}")
    assert max(errors) < max(5 * max(own), 1e-5)


@pytest.mark.parametrize("name", LIBRARY)
def test_inference(name):
    each = case(name)
    model = each.model("state-after").eval()
    fields = each.group("infer-3", "field")
    with torch.no_grad():
        theirs = model(fields["x"])
    (ours,) = each.group("infer-3", "output").values()
    assert difference(ours, theirs) < 1e-4


@pytest.mark.parametrize("name", LIBRARY)
def test_evaluation_leaves_padding_out(name):
    each = case(name)
    valid = each.group("evaluation", "batch")["valid"].bool()
    assert not valid.all()
    fields = {key: value[valid] for key, value in each.group("evaluation", "field").items()}
    with torch.no_grad():
        theirs = LOSSES[name](each.model("state-after").eval()(fields["x"]), fields)["total"]
    assert each.info["evaluation"]["total"] == pytest.approx(theirs.item(), rel=1e-4)


def test_singular_vectors_after_six_updates():
    each = case("spectral")
    ours, theirs = each.tensors("state-after"), trained("spectral").after
    vectors = [e["path"] for e in each.plan["state"] if e["role"] == "buffer"]
    assert len(vectors) == 2 * 4
    assert worst({path: difference(ours[path], theirs[path]) for path in vectors})[1] < 1e-3
