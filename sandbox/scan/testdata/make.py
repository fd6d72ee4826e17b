#!/usr/bin/env python3
"""Writes the ordinary files in testdata/ordinary with the usual writers, and the hostile ones in testdata/hostile.

usage: make.py ORDINARY HOSTILE [--large]

Written with CPython 3.11.2, numpy 1.24.2, h5py 3.7.0 (HDF5 1.10.8), onnx 1.12.0. The HDF5 and .keras files have the
layout that Keras writes (hdf5_format of Keras 2, saving_lib of Keras 3), made by the same calls of h5py and zipfile;
Keras itself was not at hand. With --large, files that are too large to keep are written as well.
"""
import base64
import io
import json
import marshal
import os
import sys
import zipfile

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

out = sys.argv[1]
os.makedirs(out, exist_ok=True)
rng = np.random.default_rng(1)


def path(name):
    return os.path.join(out, name)


def dense(name, units, inputs=None):
    config = {"name": name, "trainable": True, "dtype": "float32", "units": units, "activation": "relu", "use_bias": True,
              "kernel_initializer": {"class_name": "GlorotUniform", "config": {"seed": None}},
              "bias_initializer": {"class_name": "Zeros", "config": {}}, "kernel_regularizer": None}
    if inputs:
        config["batch_input_shape"] = [None, inputs]
    return {"class_name": "Dense", "config": config}


def legacy_model(layers):
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}


def legacy(file, layers, weights, **kwargs):
    """model.save("x.h5") of Keras 2."""
    with h5py.File(path(file), "w", **kwargs) as f:
        f.attrs["keras_version"] = b"2.12.0"
        f.attrs["backend"] = b"tensorflow"
        f.attrs["model_config"] = json.dumps(legacy_model(layers)).encode("utf8")
        f.attrs["training_config"] = json.dumps({
            "loss": "sparse_categorical_crossentropy", "metrics": [[{"class_name": "MeanMetricWrapper", "config": {
                "name": "accuracy", "dtype": "float32", "fn": "sparse_categorical_accuracy"}}]],
            "weighted_metrics": None, "loss_weights": None, "optimizer_config": {"class_name": "Adam", "config": {"name": "Adam"}},
        }).encode("utf8")
        g = f.create_group("model_weights")
        names = [name for name, _ in weights]
        g.attrs["layer_names"] = [n.encode("utf8") for n in names]
        g.attrs["backend"] = b"tensorflow"
        g.attrs["keras_version"] = b"2.12.0"
        for name, arrays in weights:
            w = g.create_group(name)
            w.attrs["weight_names"] = [("%s/w%d:0" % (name, i)).encode("utf8") for i in range(len(arrays))]
            for i, a in enumerate(arrays):
                d = w.create_dataset("%s/w%d:0" % (name, i), a.shape, dtype=a.dtype)
                if not a.shape:
                    d[()] = a
                else:
                    d[:] = a


def array(*shape):
    return rng.standard_normal(shape).astype(np.float32)


two = [dense("dense", 4, 3), dense("dense_1", 2)]
legacy("keras2-sequential.h5", two, [("dense", [array(3, 4), array(4)]), ("dense_1", [array(4, 2), array(2)])])
legacy("keras2-latest.h5", two, [("dense", [array(3, 4), array(4)]), ("dense_1", [array(4, 2), array(2)])], libver="latest")
legacy("keras2-v110.h5", two, [("dense", [array(3, 4)])], libver=("earliest", "v110"))
many = [dense("dense_%d" % i, 2, 2 if i == 0 else None) for i in range(40)]
legacy("keras2-40-layers.h5", many, [("dense_%d" % i, [array(2, 2), array(2)]) for i in range(40)])
legacy("keras2-40-layers-latest.h5", many, [("dense_%d" % i, [array(2, 2), array(2)]) for i in range(40)], libver="latest")

with h5py.File(path("weights-only.h5"), "w") as f:
    for i in range(12):
        f.create_dataset("layer_%d/kernel" % i, data=array(2, 3))
with h5py.File(path("compressed.h5"), "w") as f:
    f.create_dataset("gzip", data=np.zeros((64, 64), np.float32), compression="gzip", shuffle=True, fletcher32=True)
    f.create_dataset("lzf", data=np.zeros((64, 64), np.float32), compression="lzf")
    f.create_dataset("chunked", shape=(0, 8), maxshape=(None, 8), chunks=(16, 8), dtype="i8")
    f["soft"] = h5py.SoftLink("/gzip")
    f["hard"] = f["gzip"]
    f.attrs["numbers"] = np.arange(10)
    f.attrs["text"] = "a text"
    f.attrs["fixed"] = np.bytes_("fixed")
    f.attrs["empty"] = h5py.Empty("f")
with h5py.File(path("attributes-latest.h5"), "w", libver="latest") as f:
    for i in range(30):
        f.attrs["a%02d" % i] = "value %d" % i
    f.attrs["long"] = np.bytes_("x" * 9000)
    f.create_dataset("d", data=np.arange(5))
with h5py.File(path("objects-latest.h5"), "w", libver="latest", track_order=True) as f:
    for i in range(200):
        f.create_group("group_%03d" % i, track_order=True)


def module(kind, class_name, config, name=None, shape=None):
    d = {"module": kind, "class_name": class_name, "config": config, "registered_name": name}
    if shape:
        d["build_config"] = {"input_shape": shape}
    return d


def keras3(file, config, weights):
    """model.save("x.keras") of Keras 3."""
    buf = io.BytesIO()
    with h5py.File(buf, "w") as f:
        for layer, arrays in weights:
            g = f.create_group("layers", track_order=True) if "layers" not in f else f["layers"]
            v = g.create_group(layer, track_order=True).create_group("vars", track_order=True)
            for i, a in enumerate(arrays):
                v.create_dataset(str(i), data=a)
        f.create_group("vars", track_order=True)
    with zipfile.ZipFile(path(file), "w") as z:
        z.writestr("metadata.json", json.dumps({"keras_version": "3.5.0", "date_saved": "2024-11-01@10:00:00"}))
        z.writestr("config.json", json.dumps(config))
        z.writestr("model.weights.h5", buf.getvalue())


policy = module("keras", "DTypePolicy", {"name": "float32"})
glorot = module("keras.initializers", "GlorotUniform", {"seed": None})
layers = [module("keras.layers", "InputLayer", {"batch_shape": [None, 3], "dtype": "float32", "name": "input_layer"})]
layers += [module("keras.layers", "Dense", {"name": n, "units": 4, "dtype": policy, "activation": "relu", "kernel_initializer": glorot,
                                            "bias_initializer": module("keras.initializers", "Zeros", {})}, shape=[None, 3])
           for n in ("dense", "dense_1")]
compiled = {"optimizer": module("keras.optimizers", "Adam", {"learning_rate": 0.001, "name": "adam"}),
            "loss": "sparse_categorical_crossentropy", "metrics": ["accuracy"], "run_eagerly": False,
            "loss_weights": None}
sequential = module("keras", "Sequential", {"name": "sequential", "dtype": policy, "layers": layers}, shape=[None, 3])
sequential["compile_config"] = compiled
keras3("keras3-sequential.keras", sequential, [("dense", [array(3, 4), array(4)]), ("dense_1", [array(4, 4), array(4)])])
tensor = {"class_name": "__keras_tensor__", "config": {"shape": [None, 3], "dtype": "float32", "keras_history": ["input_layer", 0, 0]}}
functional = module("keras.src.models.functional", "Functional", {
    "name": "functional", "trainable": True, "layers": [
        dict(layers[0], name="input_layer", inbound_nodes=[]), dict(layers[1], name="dense", inbound_nodes=[{"args": [tensor], "kwargs": {}}]),
        dict(module("keras.src.ops.numpy", "Add", {"name": "add"}, "Add"), name="add", inbound_nodes=[{"args": [tensor, tensor], "kwargs": {}}]),
        dict(module("keras.layers", "StringLookup", {"name": "lookup", "vocabulary": ["a", "b"], "dtype": "string"}), name="lookup", inbound_nodes=[]),
    ], "input_layers": [["input_layer", 0, 0]], "output_layers": [["add", 0, 0]]}, "Functional")
keras3("keras3-functional.keras", functional, [("dense_%d" % i, [array(3, 4), array(4)]) for i in range(20)])


def onnx_model(file, nodes, inputs, outputs, initializers=(), opsets=(("", 17),), functions=(), **kwargs):
    graph = helper.make_graph(nodes, "g", inputs, outputs, initializer=list(initializers))
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid(d, v) for d, v in opsets], functions=list(functions), producer_name="test")
    onnx.checker.check_model(model)
    onnx.save(model, path(file), **kwargs)


def value(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))


w = numpy_helper.from_array(array(3, 4), "w")
onnx_model("mlp.onnx", [helper.make_node("MatMul", ["x", "w"], ["h"]), helper.make_node("Relu", ["h"], ["y"])],
           [value("x", "batch", 3)], [value("y", "batch", 4)], [w])
then = helper.make_graph([helper.make_node("Identity", ["x"], ["a"])], "then", [], [value("a", 1)])
other = helper.make_graph([helper.make_node("Neg", ["x"], ["b"])], "else", [], [value("b", 1)])
onnx_model("branches.onnx", [helper.make_node("If", ["c"], ["y"], then_branch=then, else_branch=other)],
           [helper.make_tensor_value_info("c", TensorProto.BOOL, [1]), value("x", 1)], [value("y", 1)])
onnx_model("functions.onnx", [helper.make_node("Twice", ["x"], ["y"], domain="pkg.test")], [value("x", 1)], [value("y", 1)],
           opsets=(("", 15), ("pkg.test", 1)), functions=[helper.make_function(
               "pkg.test", "Twice", ["x"], ["y"], [helper.make_node("Add", ["x", "x"], ["y"])], [helper.make_opsetid("", 15)])])
onnx_model("external.onnx", [helper.make_node("MatMul", ["x", "w"], ["y"])], [value("x", 1, 64)], [value("y", 1, 64)],
           [numpy_helper.from_array(array(64, 64), "w")], save_as_external_data=True, location="external.onnx.data", size_threshold=0)
ml = helper.make_node("Scaler", ["x"], ["y"], domain="ai.onnx.ml", offset=[0.0], scale=[1.0])
onnx_model("scaler.onnx", [ml], [value("x", 1)], [value("y", 1)], opsets=(("", 15), ("ai.onnx.ml", 2)))
types = [TensorProto.FLOAT, TensorProto.INT64, TensorProto.DOUBLE, TensorProto.INT32, TensorProto.BOOL, TensorProto.UINT64]
onnx_model("typed-data.onnx", [helper.make_node("Identity", ["x"], ["y"])], [value("x", 1)], [value("y", 1)],
           [helper.make_tensor("t%d" % t, t, [2, 2], [1, 0, 1, 0]) for t in types] +
           [helper.make_tensor("s", TensorProto.STRING, [2], [b"a", b"b"]), helper.make_tensor("empty", TensorProto.FLOAT, [0], [])])

# Hostile files. The code in them is never run: it is a text to the writers here and to the scanner.
out = sys.argv[2]
os.makedirs(out, exist_ok=True)
bytecode = base64.b64encode(marshal.dumps((lambda x: x).__code__)).decode()
legacy("lambda.h5", [{"class_name": "Lambda", "config": {"name": "l", "function": [bytecode, None, None], "function_type": "lambda",
                                                         "module": "__main__"}}], [])
legacy("lambda-latest.h5", [{"class_name": "Lambda", "config": {"name": "l", "function": [bytecode, None, None]}}], [], libver="latest")
nested = {"class_name": "TimeDistributed", "config": {"layer": {"class_name": "Model", "config": {"layers": [
    {"class_name": "Bidirectional", "config": {"layer": {"class_name": "Lambda", "config": {}}}}]}}}}
legacy("lambda-nested.h5", [nested], [])
legacy("custom-class.h5", [{"class_name": "MyLayer", "config": {}}], [])
legacy("write-file.h5", [{"class_name": "TFOpLambda", "config": {"name": "x", "function": "io.write_file"}}], [])
padded = [dense("dense_%d" % i, 2) for i in range(400)] + [{"class_name": "Lambda", "config": {}}]
legacy("lambda-far-back.h5", padded, [])
with h5py.File(path("external-link.h5"), "w") as f:
    f["out"] = h5py.ExternalLink("/etc/passwd", "/")
with h5py.File(path("external-link-latest.h5"), "w", libver="latest") as f:
    for i in range(20):
        f.create_group("g%d" % i)
    f["g7/out"] = h5py.ExternalLink("../other.h5", "/x")
with h5py.File(path("external-data.h5"), "w") as f:
    f.create_dataset("d", (16,), dtype="u1", external=[("/etc/passwd", 0, 16)])
with h5py.File(path("virtual.h5"), "w", libver="latest") as f:
    layout = h5py.VirtualLayout(shape=(4,), dtype="i4")
    layout[:] = h5py.VirtualSource("/other.h5", "data", shape=(4,))
    f.create_virtual_dataset("v", layout)
with h5py.File(path("user-block.h5"), "w", userblock_size=512) as f:
    f.create_dataset("d", data=np.arange(4))

if "--large" in sys.argv:
    out = sys.argv[1]
    with h5py.File(path("large.h5"), "w") as f:
        for i in range(16):
            f.create_dataset("w%d" % i, data=np.zeros((1 << 24,), np.float32))
    big = np.zeros((1 << 14, 1 << 13), np.float32)
    onnx_model("large.onnx", [helper.make_node("Identity", ["x"], ["y"])], [value("x", 1)], [value("y", 1)],
               [numpy_helper.from_array(big, "a"), numpy_helper.from_array(big[:7000], "b")])
