"""Reads what `dist/scripts/parity-fixtures.js` wrote, and runs the same updates in PyTorch."""

import json
import os
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import torch
from safetensors.torch import load_file
from twins import LOSSES, MODELS, OPTIMIZERS, SLOTS

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("SAIC_PARITY", ROOT / "build" / "parity"))
NAMES = ["resnet18", "features-nesterov", "features-momentum", "features-dampening", "features-plain"]

torch.set_num_threads(int(os.environ.get("SAIC_PARITY_THREADS", "2")))


class Case:
    """One fixture: its settings, its plan, and its files of tensors."""

    def __init__(self, name):
        self.name = name
        self.folder = FOLDER / name
        self.artifact = self.folder / "artifact"
        self.info = json.loads((self.folder / "case.json").read_text())
        self.plan = json.loads((self.artifact / "plan.json").read_text())
        self.stage = self.plan["stages"][0]

    def tensors(self, file):
        return load_file(self.folder / f"{file}.safetensors")

    def group(self, file, kind):
        """The tensors of a file whose keys begin with `kind/`."""
        tensors = self.tensors(file).items()
        return {k.removeprefix(f"{kind}/"): v for k, v in tensors if k.startswith(f"{kind}/")}

    def model(self, state, dtype=torch.float32):
        """The twin with the state of a file; every key must fit."""
        model = MODELS[self.info["program"]]()
        values = self.tensors(state)
        weights = {
            entry["key"]: values[entry["path"]]
            for entry in self.plan["state"]
            if entry["role"] != "slot"
        }
        model.load_state_dict(weights, strict=True)
        return model.to(dtype)

    def keep(self, update, dtype):
        """The dropout mask of an update, from the uniform numbers the graph was fed."""
        draws = list(self.group(f"update-{update}", "draw").values())
        if not draws:
            return None
        (numbers,) = draws
        drop = float(self.info["settings"].get("drop", 0.25))
        return (numbers >= drop).to(dtype) / (1 - drop)


@cache
def case(name):
    return Case(name)


@dataclass
class Trained:
    """What PyTorch gives: losses by update, gradients of the first, states by path."""

    losses: list = field(default_factory=list)
    gradients: dict = field(default_factory=dict)
    after_1: dict = field(default_factory=dict)
    after: dict = field(default_factory=dict)


@cache
def trained(name, dtype=torch.float32):
    """Makes the fixture's updates in PyTorch."""
    each = case(name)
    program = each.info["program"]
    model = each.model("state-before", dtype).train()
    optimizer = OPTIMIZERS[program](model.parameters(), each.info["settings"])
    result = Trained()
    for update, rate in enumerate(each.info["rates"], start=1):
        optimizer.param_groups[0]["lr"] = rate
        fields = each.group(f"update-{update}", "field")
        keep = each.keep(update, dtype)
        x = fields["x"].to(dtype)
        outputs = model(x) if keep is None else model(x, keep)
        losses = LOSSES[program](outputs, fields)
        optimizer.zero_grad()
        losses["total"].backward()
        result.losses.append({key: value.item() for key, value in losses.items()})
        if update == 1:
            result.gradients = {k: p.grad.clone() for k, p in named(each, model).items()}
        optimizer.step()
        if update == 1:
            result.after_1 = state_of(each, model, optimizer)
    result.after = state_of(each, model, optimizer)
    return result


def named(each, model):
    """Parameters by path."""
    parameters = dict(model.named_parameters())
    return {
        entry["path"]: parameters[entry["key"]]
        for entry in each.plan["state"]
        if entry["role"] == "parameter"
    }


def state_of(each, model, optimizer):
    """Parameters, buffers and slots by the plan's paths."""
    values = model.state_dict()
    parameters = dict(model.named_parameters())
    keys = {e["path"]: e["key"] for e in each.plan["state"]}
    found = {}
    for entry in each.plan["state"]:
        if entry["role"] != "slot":
            found[entry["path"]] = values[entry["key"]].clone()
            continue
        (slot,) = [s for s in SLOTS[each.info["program"]] if entry["key"].endswith(f"/{s}")]
        found[entry["path"]] = optimizer.state[parameters[keys[entry["of"]]]][slot].clone()
    return found
