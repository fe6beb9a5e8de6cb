"""TensorBoard's own reader finds exactly the scalars of a run's `events.jsonl`, after interruptions too."""

import json

import numpy as np
from cases import FOLDER
from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

RUN = next((FOLDER / "log" / "runs" / "logged").glob("[0-9a-f]*"))


def expected():
    """Per tag, (step, value as f32) in the order of the events."""
    found = {}

    def add(tag, event, value):
        found.setdefault(tag, []).append((event["update"], float(np.float32(value)), event["time"]))

    for line in (RUN / "events.jsonl").read_text().splitlines():
        event = json.loads(line)
        if event["type"] == "step":
            for name, value in event["losses"].items():
                add(f"train/{name}", event, value)
            for name, value in event["schedules"].items():
                add(f"schedule/{name}", event, value)
            add("grad_norm", event, event["grad_norm"])
            add("time/step_ms", event, event["step_ms"])
            add("time/data_ms", event, event["data_ms"])
        elif event["type"] == "validation":
            for name, value in event["metrics"].items():
                if value is not None:
                    add(name.replace(".", "/", 1), event, value)
    return found


def test_scalars():
    reader = EventAccumulator(str(RUN / "tensorboard"), size_guidance={SCALARS: 0})
    reader.Reload()
    wanted = expected()
    assert {"train/total", "train/class", "schedule/lr", "schedule/lr@all", "val/accuracy", "test/loss"} <= set(wanted)
    assert [step for step, *_ in wanted["train/total"]] == list(range(1, 12))
    assert set(reader.Tags()["scalars"]) == set(wanted)
    for tag, scalars in wanted.items():
        found = reader.Scalars(tag)
        assert [(each.step, each.value) for each in found] == [(s, v) for s, v, _ in scalars], tag
        assert np.allclose([each.wall_time for each in found], [t / 1000 for *_, t in scalars], rtol=0, atol=1e-3)
