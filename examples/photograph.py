#!/usr/bin/env python3
"""A photograph: what in it makes the network say cat, by three methods with other ideas of absence, and how far each adds up."""
import whence
from common import DATA, MODELS, OUT, show

model = whence.load(MODELS / "cifar10_cnn.onnx")
cat = DATA / "cat.png"
for method, options in {"integrated-gradients": {"baseline": "blur:4"}, "lime": {"segmentation": "slic:30"},
                        "grad-cam": {}, "sedc": {"segmentation": "slic:30"}}.items():
    why = whence.explain(model, cat, method=method, **options)
    show(method, why.words())
    why.save(OUT / f"photograph-{method}.png")
print(f"\npictures: {OUT}")
