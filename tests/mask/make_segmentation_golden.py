"""Makes segmentation_golden/: what scikit-image answers, for segmentation_golden_test.cpp.

Made with scikit-image 0.26.0, SciPy 1.17.1, NumPy 2.4.6 and Pillow 13.0.0 on an x86-64 with AVX-512:

    build/venv/bin/python tests/mask/make_segmentation_golden.py [FOLDER OF PHOTOS]

Each line of cases.txt: file, image, seed, spread, method as parse_segmentation reads it. A file holds
height and width (uint32), then runs of equal labels, row by row: label and length (uint16 each).
Labels are numbered in the order of first appearance.

Images are 8-bit; `synthetic:HxWxC` is made by a formula in both languages, the others are files.
Grey ones are repeated into three channels, as lime does. Felzenszwalb's edges are sorted by NumPy's
stable sort instead of its default, whose order of equal costs depends on the processor.
`spread` is the smallest adjusted Rand index between scikit-image's quickshifts with seeds 0 to 4
(1 for the other methods, which draw nothing): what an equal answer may be measured by.
"""

import itertools
import pathlib
import struct
import sys

import imageio.v3
import numpy as np
import skimage.segmentation
import sklearn.metrics

HERE = pathlib.Path(__file__).resolve().parent
OUT = HERE / "segmentation_golden"
CAT = "examples/data/cat.png"
SYNTHETIC = ["synthetic:60x80x3", "synthetic:41x33x1", "synthetic:1x50x3", "synthetic:50x1x3", "synthetic:1x2x3"]
PHOTOS = ["photos/ski_coffee.png", "photos/ski_astronaut.png"]

QUICKSHIFT = dict(kernel_size=4, max_dist=200, ratio=0.2, sigma=0)
SLIC = dict(segments=100, compactness=10, iterations=10, sigma=0, enforce_connectivity=True)
FELZENSZWALB = dict(scale=1.0, sigma=0.8, min_size=20)
COARSE = dict(scale=900.0, sigma=0.8, min_size=400)
CASES = (
    [("synthetic:60x80x3", "quickshift", QUICKSHIFT, seed) for seed in (0, 7)]
    + [("synthetic:60x80x3", "quickshift", dict(kernel_size=2.5, max_dist=6, ratio=1.0, sigma=0.7), 123456789)]
    + [(image, "quickshift", dict(QUICKSHIFT, max_dist=3, ratio=1.0), 1) for image in SYNTHETIC]
    + [(image, "slic", dict(SLIC, segments=40), 0) for image in SYNTHETIC]
    + [("synthetic:60x80x3", "slic", dict(SLIC, compactness=0.5, sigma=1.5, enforce_connectivity=False), 0),
       ("synthetic:41x33x1", "slic", dict(SLIC, segments=2000, iterations=2), 0)]
    + [(image, "felzenszwalb", FELZENSZWALB, 0) for image in SYNTHETIC]
    + [("synthetic:60x80x3", "felzenszwalb", dict(scale=40.0, sigma=0, min_size=0), 0),
       ("synthetic:41x33x1", "felzenszwalb", dict(scale=9.0, sigma=14, min_size=5), 0)]
    + [(CAT, "quickshift", QUICKSHIFT, 0), (CAT, "slic", SLIC, 0), (CAT, "felzenszwalb", COARSE, 0),
       (CAT, "felzenszwalb", dict(COARSE, sigma=0), 0)]
    + [(PHOTOS[0], "quickshift", QUICKSHIFT, 0), (PHOTOS[0], "slic", dict(SLIC, segments=60, compactness=30), 0)]
    + [(PHOTOS[1], "quickshift", QUICKSHIFT, 0), (PHOTOS[1], "felzenszwalb", COARSE, 0)]
)


def synthetic(height, width, channels):
    y, x = np.mgrid[:height, :width]
    noise = ((x * 73856093) ^ (y * 19349663)) >> 4 & 15
    disk = (x - width // 3) ** 2 + (y - height // 2) ** 2 < (height // 3) ** 2
    image = np.stack([np.where(disk, 200, 60) + noise, (4 * x + noise) & 255, (3 * y + 2 * noise) & 255], -1)
    image[x > 3 * width // 4] = 255  # a plateau, where only the noise of quickshift decides
    return image[..., :channels].astype(np.uint8)


def load(name, photos):
    kind, _, rest = name.partition(":")
    if kind == "synthetic":
        image = synthetic(*map(int, rest.split("x")))
    elif name.startswith("photos/"):
        image = imageio.v3.imread(photos / name.removeprefix("photos/"))
    else:
        image = imageio.v3.imread(HERE.parent.parent / name)
    return np.repeat(image, 3, -1) / 255.0 if image.shape[-1] == 1 else image[..., :3] / 255.0


def quickshift(image, options, seed):
    return skimage.segmentation.quickshift(image, rng=seed, **options)


def slic(image, options, _seed):
    options = dict(options)
    return skimage.segmentation.slic(
        image, n_segments=options.pop("segments"), max_num_iter=options.pop("iterations"), start_label=0, **options)


def felzenszwalb(image, options, _seed):
    argsort = np.argsort
    np.argsort = lambda values: argsort(values, kind="stable")
    try:
        return skimage.segmentation.felzenszwalb(image, **options)
    finally:
        np.argsort = argsort


def spread(image, method, options):
    if method is not quickshift:
        return 1.0
    maps = [quickshift(image, options, seed).ravel() for seed in range(5)]
    return min(sklearn.metrics.adjusted_rand_score(a, b) for a, b in itertools.combinations(maps, 2))


def in_order(labels):
    _, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    number = np.empty(len(first), int)
    number[np.argsort(first)] = np.arange(len(first))
    return number[inverse].reshape(labels.shape)


def write_runs(path, labels):
    flat = labels.ravel()
    with open(path, "wb") as file:
        file.write(struct.pack("<II", *labels.shape))
        for label, run in itertools.groupby(flat):
            length = sum(1 for _ in run)
            while length > 0:
                file.write(struct.pack("<HH", label, min(length, 65535)))
                length -= 65535


def main():
    photos = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else HERE.parent.parent.parent / "shared/data/photos")
    OUT.mkdir(exist_ok=True)
    lines = []
    for number, (name, method, options, seed) in enumerate(CASES):
        image = load(name, photos)
        labels = in_order(globals()[method](image, options, seed))
        file = f"{number:02}_{method}.runs"
        write_runs(OUT / file, labels)
        text = ",".join(f"{key}={str(value).lower()}" for key, value in options.items())
        lines.append(f"{file} {name} {seed} {spread(image, globals()[method], options):.6f} {method}:{text}\n")
        print(lines[-1], end="", flush=True)
    (OUT / "cases.txt").write_text("".join(lines))


main()
