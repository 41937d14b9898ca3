#!/usr/bin/env python3
"""A film review: which words make the network call it positive?

    python3 examples/film_review.py ["a review"]
"""
import sys

import whence
from common import MODELS, OUT, show

review = sys.argv[1] if len(sys.argv) > 1 else "An unforgettable, beautifully acted film that never bores, though the ending is dull."
model = whence.load(MODELS / "film_reviews.onnx")
for method in ("lime", "occlusion", "integrated-gradients"):
    why = whence.explain(model, review, method=method)
    show(method, why)
    why.save(OUT / f"film-review-{method}.png")
print(f"\npictures: {OUT}")
