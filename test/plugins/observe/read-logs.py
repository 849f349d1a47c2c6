"""Reads what the loggers of a run wrote with the peers' own packages and holds it against metrics.jsonl:

    python -m venv peers && peers/bin/pip install tensorboard==2.21.0 trackio==0.36.0 wandb==0.31.0 "huggingface_hub<1.20"
    peers/bin/pip install --no-deps --target peers/reader wandb==0.19.11    # the last version here with a reader in Python
    peers/bin/python test/plugins/observe/read-logs.py <run folder>

Exits with 1 where a number differs: TensorBoard's are float32, the others exact.
"""
import glob
import json
import math
import os
import struct
import sys

run = os.path.abspath(sys.argv[1])
os.environ["TRACKIO_DIR"] = os.path.join(run, "trackio")
numbers = {name: float(name) for name in ("NaN", "Infinity", "-Infinity")}
value = lambda found: numbers[found] if isinstance(found, str) else float(found)
with open(os.path.join(run, "metrics.jsonl")) as lines:
    expected = {(line["step"], name): value(found) for line in map(json.loads, lines) for name, found in line["metrics"].items()}


def compare(peer, pairs, rounded=lambda number: number):
    found = {}
    doubled = 0
    for key, number in pairs:
        doubled += key in found
        found[key] = number
    same = lambda a, b: a == b or (math.isnan(a) and math.isnan(b))
    wrong = [key for key in expected if key not in found or not same(found[key], rounded(expected[key]))]
    extra = [key for key in found if key not in expected]
    print(f"{peer}: {len(expected)} numbers, {len(wrong)} differ or are missing, {len(extra)} are not in metrics.jsonl, {doubled} stand twice")
    return not wrong and not extra and not doubled


def tensorboard():
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(os.path.join(run, "tensorboard"), size_guidance={"scalars": 0, "images": 0, "tensors": 0})
    events.Reload()
    tags = events.Tags()
    pictures = [(image.width, image.height, image.encoded_image_string[1:4]) for tag in tags["images"] for image in events.Images(tag)]
    tables = [event.tensor_proto.string_val[0].decode() for tag in tags["tensors"] for event in events.Tensors(tag)]
    print(f"  {len(tags['images'])} pictures' tags, {len(pictures)} pictures, all PNG: {all(kind == b'PNG' for *_, kind in pictures)}; {len(tables)} tables, the first begins {tables[0][:40]!r}" if tables else "  no rollouts")
    pairs = [((event.step, tag), event.value) for tag in tags["scalars"] for event in events.Scalars(tag)]
    return compare("tensorboard", pairs, lambda number: struct.unpack("f", struct.pack("f", number))[0])


def trackio():
    from trackio.sqlite_storage import SQLiteStorage

    (project,) = SQLiteStorage.get_projects()
    (name,) = SQLiteStorage.get_runs(project)
    logs = SQLiteStorage.get_logs(project, name)
    tables = [log["rollouts"] for log in logs if "rollouts" in log]
    cells = [cell for table in tables for row in table["_value"] for cell in row.values() if isinstance(cell, dict)]
    there = [os.path.exists(os.path.join(run, "trackio", "media", cell["file_path"])) for cell in cells]
    print(f"  project {project}, run {name}: {len(tables)} tables, {len(cells)} pictures, all there: {all(there)}")
    return compare("trackio", [((log["step"], key), value(found)) for log in logs for key, found in log.items() if key not in ("step", "timestamp", "rollouts")])


def wandb():
    import importlib.util

    from wandb.proto import wandb_internal_pb2

    # The reader of 0.19.11 alone, over the records of 0.31.0.
    place = os.path.join(os.path.dirname(os.path.dirname(sys.executable)), "reader", "wandb", "sdk", "internal", "datastore.py")
    spec = importlib.util.spec_from_file_location("datastore", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.wandb._assert_is_internal_process = True  # which the later package no longer has
    DataStore = module.DataStore

    (file,) = glob.glob(os.path.join(run, "wandb", "offline-run-*", "*.wandb"))
    store = DataStore()
    store.open_for_scan(file)
    pairs, pictures, tables, name = [], 0, 0, None
    while (data := store.scan_data()) is not None:
        record = wandb_internal_pb2.Record()
        record.ParseFromString(data)
        if record.WhichOneof("record_type") == "run":
            name = record.run.display_name
        for item in record.history.item:
            found = json.loads(item.value_json)
            if isinstance(found, dict):
                tables += 1
                with open(os.path.join(os.path.dirname(file), "files", found["path"])) as table:
                    pictures += sum(os.path.exists(os.path.join(os.path.dirname(file), "files", cell["path"])) for row in json.load(table)["data"] for cell in row if isinstance(cell, dict))
            elif not item.key.startswith("_"):
                pairs.append(((record.history.step.num, item.key), float(found)))
    print(f"  run {name}: {tables} tables, {pictures} pictures that are there")
    return compare("wandb", pairs)


sys.exit(0 if all([tensorboard(), trackio(), wandb()]) else 1)
