"""Files that Python's libraries write are read as those libraries read them.

Parquet by pyarrow, pickles by NumPy, TIFF by tifffile, run lengths by pycocotools.
"""

import decimal
import json
import pickle
import subprocess
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tifffile
from pycocotools import mask as coco
from safetensors.numpy import load_file

ROOT = Path(__file__).resolve().parents[2]
ALL = "split random { train: 100%  seed: 1 }\nloader { batch: 3  shuffle: false  workers: 0 }"


class Cases:
    """Cases are collected first, so that one process reads them all."""

    def __init__(self, folder):
        self.folder = folder
        self.cases = []
        self.expected = {}

    def add(self, name, members, **expected):
        members = members.replace("FILE", name)
        self.cases.append({"name": name, "folder": str(self.folder), "members": f"{members}\n{ALL}"})
        self.expected[name] = expected

    def read(self):
        manifest = self.folder / "cases.json"
        manifest.write_text(json.dumps(self.cases))
        script = ROOT / "dist" / "scripts" / "parity-files.js"
        subprocess.run(["node", script, manifest], check=True, cwd=self.folder)

    def check(self, prefix):
        names = [name for name in self.expected if name.startswith(prefix)]
        assert names
        for name in names:
            found = load_file(self.folder / f"{name}.safetensors")
            assert sorted(found) == sorted(self.expected[name]), name
            for field, expected in self.expected[name].items():
                assert found[field].dtype == expected.dtype, (name, field)
                np.testing.assert_array_equal(found[field], expected, err_msg=f"{name}: {field}")


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    made = Cases(tmp_path_factory.mktemp("files"))
    rng = np.random.default_rng(7)
    for add in (parquet_files, pickles, rasters, run_lengths):
        add(made, rng)
    made.read()
    return made


@pytest.mark.parametrize("prefix", ["parquet", "pickle", "tiff", "rle"])
def test_files_are_read_alike(cases, prefix):
    cases.check(prefix)


def parquet_files(cases, rng):
    rows = 37
    integers = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()]
    columns = {}
    expected = {}
    for kind in integers:
        info = np.iinfo(kind.to_pandas_dtype())
        values = rng.integers(info.min, info.max, rows, dtype=kind.to_pandas_dtype(), endpoint=True)
        columns[str(kind)] = pa.array(values, kind)
        expected[f"x{kind}"] = values.astype("i8")
    for kind in (pa.float16(), pa.float32(), pa.float64()):
        values = rng.normal(size=rows).astype(kind.to_pandas_dtype())
        values[:3] = [np.inf, -np.inf, 0]
        columns[str(kind)] = pa.array(values, kind)
        expected[f"x{kind}"] = values.astype("f8")
    columns["truth"] = pa.array(rng.random(rows) < 0.5)
    expected["xtruth"] = columns["truth"].to_numpy(zero_copy_only=False)
    cents = [decimal.Decimal(int(i)) / 100 for i in rng.integers(-9999, 9999, rows)]
    columns["cents"] = pa.array(cents, pa.decimal128(9, 2))
    expected["xcents"] = np.array([float(x) for x in cents])
    words = np.array(["dent", "Rost", "Schmutz ü", "Kratzer, tief"])
    which = np.concatenate([np.arange(4), rng.integers(0, 4, rows - 4)])
    columns["word"] = pa.array(words[which])
    columns["coded"] = pa.array(words[which]).dictionary_encode()
    expected["xword"] = expected["xcoded"] = which.astype("i8")
    vectors = rng.normal(size=(rows, 5)).astype("f4")
    columns["vector"] = pa.array(list(vectors), pa.list_(pa.float32()))
    columns["fixed"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), 5)
    expected["xvector"] = expected["xfixed"] = vectors
    grids = rng.integers(-(2**60), 2**60, (rows, 2, 3))
    columns["grid"] = pa.array(grids.tolist(), pa.large_list(pa.list_(pa.int64())))
    expected["xgrid"] = grids
    types = {"truth": "bool[]", "cents": "f64[]", "vector": "f32[5]", "fixed": "f32[5]", "grid": "i64[2, 3]"}
    listed = ", ".join(json.dumps(word, ensure_ascii=False) for word in words)
    fields = []
    for name in columns:
        kind = types.get(name, "i64[]" if "int" in name else "f64[]")
        if name in ("word", "coded"):
            fields.append(f'field x{name}: column("{name}", classes: [{listed}]) -> i64[]')
        else:
            fields.append(f'field x{name}: column("{name}") -> {kind}')
    table = pa.table(columns)
    ways = [
        {"compression": "none", "use_dictionary": False},
        {"compression": "snappy", "data_page_version": "2.0"},
        {"compression": "gzip", "row_group_size": 10},
        {"compression": "brotli", "data_page_size": 64},
        {"compression": "zstd", "version": "2.6", "row_group_size": 36},
        {"compression": "lz4", "use_byte_stream_split": ["float", "double"], "use_dictionary": False},
        {"compression": "none", "use_dictionary": False, "column_encoding": {"int32": "DELTA_BINARY_PACKED", "word": "DELTA_BYTE_ARRAY"}},
    ]
    for i, way in enumerate(ways):
        pq.write_table(table, cases.folder / f"parquet{i}.parquet", **way)
        cases.add(f"parquet{i}", 'source: parquet("FILE.parquet")\n' + "\n".join(fields), **expected)


def pickles(cases, rng):
    types = {"f2": "f16", "f4": "f32", "f8": "f64", "i4": "i32", "i8": "i64", "u1": "u8", "?": "bool"}
    for protocol in (2, 3, 4, 5):
        content = {"scalar": np.float32(1.5), "one": 1, "text": "ü", "nothing": None, "big": 2**70}
        fields = []
        expected = {}
        for code, kind in types.items():
            values = (100 * rng.random((11, 3, 2))).astype(code)
            if kind == "bool":
                values = rng.random((11, 3, 2)) < 0.5
            orders = {"c": values, "f": np.asfortranarray(values), "t": np.ascontiguousarray(values.transpose(0, 2, 1)).transpose(0, 2, 1)}
            content[kind] = [orders, (values[:, 0, 0],)]
            for order in orders:
                fields.append(f'field {kind}_{order}: array("{kind}.0.{order}") -> {kind}[3, 2]')
                expected[f"{kind}_{order}"] = values
            fields.append(f'field {kind}_one: array("{kind}.1.0") -> {kind}[]')
            expected[f"{kind}_one"] = values[:, 0, 0]
        (cases.folder / f"pickle{protocol}.pkl").write_bytes(pickle.dumps(content, protocol=protocol))
        cases.add(f"pickle{protocol}", 'source: pickle("FILE.pkl")\n' + "\n".join(fields), **expected)
        # Longer than what is read at once, and of a pickle that is one array.
        long = rng.normal(size=(5, 40_000)).astype("f4")
        (cases.folder / f"pickle{protocol}long.pkl").write_bytes(pickle.dumps(long, protocol=protocol))
        cases.add(f"pickle{protocol}long", 'source: pickle("FILE.pkl")\nfield x: array() -> f32[40000]', x=long)


def rasters(cases, rng):
    ways = [
        {},
        {"bigtiff": True},
        {"byteorder": ">"},
        {"byteorder": ">", "rowsperstrip": 1},
        {"rowsperstrip": 7},
        {"tile": (16, 32)},
        {"compression": "zlib", "rowsperstrip": 9},
        {"compression": "zlib", "predictor": True, "tile": (32, 16)},
        {"planarconfig": "separate"},
        {"planarconfig": "separate", "tile": (16, 16), "compression": "zlib"},
    ]
    # Long lists of strips are read apart from the head.
    for order in "<>":
        tall = rng.integers(0, 255, (3000, 5), dtype="u1")
        name = f"tiff-tall-{'big' if order == '>' else 'little'}"
        tifffile.imwrite(cases.folder / f"{name}.tif", tall, byteorder=order, rowsperstrip=1)
        members = f'source: geotiff("{{name}}{name[4:]}.tif")\nfield x: image() -> u8[1, 3000, 5]'
        cases.add(name, members, x=tall[None, None])
    for code, kind in (("u1", "u8"), ("u2", "f32"), ("i2", "i32"), ("f4", "f32"), ("f8", "f64")):
        for i, way in enumerate(ways):
            if way.get("predictor") and code.startswith("f"):
                continue
            bands = 1 + i % 4 if "planarconfig" not in way else 3
            values = (200 * rng.random((bands, 37, 41)) - (100 if code in ("i2", "f4", "f8") else 0)).astype(code)
            separate = way.get("planarconfig") == "separate"
            data = values if separate else values.transpose(1, 2, 0)
            if bands == 1:
                data = values[0]
            elif not separate:
                way = {"planarconfig": "contig", **way}
            name = f"tiff-{code}-{i}"
            tifffile.imwrite(cases.folder / f"{name}.tif", data, photometric="minisblack", **way)
            members = f'source: geotiff("{{name}}-{code}-{i}.tif")\nfield x: image() -> {kind}[{bands}, 37, 41]'
            numpy = {"u8": "u1", "f32": "f4", "i32": "i4", "f64": "f8"}[kind]
            cases.add(name, members, x=values.astype(numpy)[None])


def run_lengths(cases, rng):
    height, width = 53, 41
    images, annotations, planes = [], [], []
    for i in range(8):
        grid = rng.random((height // 6 + 1, width // 6 + 1)) < (0.1 * i + 0.1)
        plane = np.kron(grid, np.ones((6, 6), bool))[:height, :width]
        plane ^= rng.random((height, width)) < 0.02
        plane[0, 0] = i % 2 == 0
        packed = coco.encode(np.asfortranarray(plane.astype("u1")))
        runs = [0] if plane[0, 0] else []
        column = plane.ravel(order="F")
        cuts = np.flatnonzero(np.diff(column)) + 1
        runs += np.diff([0, *cuts, column.size]).tolist()
        counts = packed["counts"].decode() if i < 4 else runs
        images.append({"id": i, "file_name": f"{i}.png", "height": height, "width": width})
        annotations.append(
            {"id": i, "image_id": i, "category_id": 1, "segmentation": {"size": [height, width], "counts": counts}}
        )
        planes.append(coco.decode(packed).astype(bool))
    content = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "dent"}]}
    (cases.folder / "rle.json").write_text(json.dumps(content))
    members = f'source: coco("FILE.json")\nfield x: masks() -> bool[1, {height}, {width}]\nfield share: area() -> f32[1]'
    masks = np.stack(planes)[:, None]
    share = np.array([[m.sum() / m.size] for m in masks]).astype("f4")
    cases.add("rle", members, x=masks, share=share)
