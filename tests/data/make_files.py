"""Writes the reference files of the tests of data/: pictures by Pillow, arrays by NumPy.

Made with Pillow 13.0.0 and NumPy 2.4.6: build/venv/bin/python tests/data/make_files.py
"""

import gzip
import io
import struct
import pathlib

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent / "files"
BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC


def photo(height, width):
    """Smooth colours with some noise: every weight of a resampling filter matters."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(1).integers(-30, 30, (height, width, 3))
    base = np.stack([255 * x / width, 255 * y / height, 128 + 100 * np.sin(x / 3 + y / 5)], axis=-1)
    return Image.fromarray(np.clip(base + noise, 0, 255).astype(np.uint8))


def blocks():
    """2 rows of 3 blocks of 16 pixels, each of one colour: JPEG keeps them, so orientation shows."""
    colours = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]], [[0, 0, 0], [128, 128, 128], [255, 255, 255]]])
    return Image.fromarray(colours.astype(np.uint8).repeat(16, axis=0).repeat(16, axis=1))


def save(image, name, **options):
    image.save(FOLDER / name, **options)


def pictures():
    picture = photo(23, 37)
    save(picture, "photo.png")
    save(picture.convert("L"), "photo_gray.png")
    for height, width in [(5, 7), (23, 9), (11, 37), (46, 50), (1, 1), (224, 3), (8, 31)]:
        save(picture.resize((width, height), BILINEAR), f"photo_{height}x{width}.png")
    for height, width in [(5, 7), (46, 50), (11, 37)]:
        save(picture.resize((width, height), BICUBIC), f"photo_{height}x{width}_bicubic.png")
    save(picture.convert("L").resize((8, 8), BILINEAR), "photo_gray_8x8.png")

    save(picture, "baseline.jpg", quality=90)
    save(picture, "progressive.jpg", quality=90, progressive=True)
    save(picture.convert("L"), "gray.jpg", quality=90)
    for name in ["baseline", "progressive", "gray"]:
        save(Image.open(FOLDER / f"{name}.jpg"), f"{name}_decoded.png")

    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        save(blocks(), f"orientation_{orientation}.jpg", exif=exif, quality=95, subsampling=0)

    save(picture.quantize(16), "palette.png")
    save(Image.open(FOLDER / "palette.png").convert("RGB"), "palette_decoded.png")
    save(picture.convert("1"), "one_bit.png")
    save(picture.convert("1").convert("L"), "one_bit_decoded.png")
    ramp = np.linspace(0, 65535, 64).astype(np.uint16).reshape(8, 8)
    save(Image.fromarray(ramp), "sixteen_bit.png")
    rgba = np.zeros((1, 3, 4), np.uint8)
    rgba[0] = [[10, 20, 30, 255], [10, 20, 30, 0], [100, 200, 50, 128]]
    save(Image.fromarray(rgba), "alpha.png")
    save(Image.fromarray(np.array([[[40, 255], [40, 0], [40, 51]]], np.uint8)), "gray_alpha.png")


def arrays():
    cube = np.arange(24).reshape(2, 3, 4)
    for name, array in {
        "float32": cube.astype("<f4") / 8,
        "float64_big_fortran": np.asfortranarray(cube.astype(">f8") / 8),
        "float16": cube.astype("<f2") / 8,
        "int8": (cube - 12).astype("i1"),
        "int16_big": (cube * 1000 - 12000).astype(">i2"),
        "int32_fortran": np.asfortranarray(cube.astype("<i4")),
        "int64": cube - 12,
        "uint8": cube.astype("u1"),
        "uint16": cube.astype("<u2"),
        "uint32": cube.astype("<u4"),
        "uint64_big": cube.astype(">u8"),
        "bool": cube % 2 == 0,
        "unicode": np.array(["Ähre", "", "日本", "x"]),
        "unicode_big_fortran": np.asfortranarray(np.array([["a", "bb"], ["ccc", "dddd"]], dtype=">U4")),
        "bytes": np.array([b"abc", b"", b"de"]),
        "scalar": np.float32(1.5),
        "empty": np.zeros((0, 3), "<f4"),
        "complex": np.ones(2, np.complex64),
        "structured": np.zeros(2, [("a", "<f4")]),
    }.items():
        np.save(FOLDER / f"{name}.npy", array)
    np.save(FOLDER / "object.npy", np.array([{}, []], object), allow_pickle=True)
    for version in [(2, 0), (3, 0)]:
        with open(FOLDER / f"version_{version[0]}.npy", "wb") as file:
            np.lib.format.write_array(file, np.arange(3, dtype="<f4"), version=version)
    both = {"x": cube.astype("<f4"), "names": np.array(["a", "b"])}
    np.savez(FOLDER / "stored.npz", **both)
    np.savez_compressed(FOLDER / "deflated.npz", **both, zeros=np.zeros((100, 100)))


def counted_images(count, height, width, channels, first=0):
    """Images whose byte at (image, y, x, channel) labelled_images_test.cpp knows."""
    i, y, x, c = np.mgrid[first:first + count, 0:height, 0:width, 0:channels]
    return ((37 * i + 5 * y + 3 * x + 101 * c) % 256).astype(np.uint8)


def idx(array):
    return struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def image_sets():
    """Small sets in each form that read_image_set reads: image i has label 3 i % 10 (or % 3)."""
    for name, pack, ending in [("digits", lambda b: b, ""), ("small_fashion", lambda b: gzip.compress(b, mtime=0), ".gz")]:
        folder = FOLDER / "image_sets" / name
        folder.mkdir(parents=True, exist_ok=True)
        for stem, count, first in [("train", 6, 0), ("t10k", 3, 6)]:
            labels = (3 * np.arange(first, first + count) % 10).astype(np.uint8)
            images = counted_images(count, 4, 5, 1, first)[..., 0]
            (folder / f"{stem}-images-idx3-ubyte{ending}").write_bytes(pack(idx(images)))
            (folder / f"{stem}-labels-idx1-ubyte{ending}").write_bytes(pack(idx(labels)))
    # gzip writes the name of the file into the header where it knows one.
    with open(FOLDER / "image_sets" / "small_fashion" / "t10k-labels-idx1-ubyte.gz", "wb") as file:
        with gzip.GzipFile("t10k-labels-idx1-ubyte", "wb", fileobj=file, mtime=0) as packed:
            packed.write(idx((3 * np.arange(6, 9) % 10).astype(np.uint8)))

    classes = "airplane automobile bird cat deer dog frog horse ship truck".split()
    folder = FOLDER / "image_sets" / "cifar_binary"
    folder.mkdir(exist_ok=True)
    (folder / "batches.meta.txt").write_text("\n".join(classes) + "\n\n")
    for file, count, first in [("data_batch_1.bin", 2, 0), ("data_batch_3.bin", 1, 2), ("test_batch.bin", 1, 3)]:
        planes = counted_images(count, 32, 32, 3, first).transpose(0, 3, 1, 2)
        records = [bytes([3 * (first + i) % 10]) + planes[i].tobytes() for i in range(count)]
        (folder / file).write_bytes(b"".join(records))

    folder = FOLDER / "image_sets" / "cifar_sheets"
    folder.mkdir(exist_ok=True)
    (folder / "classes.txt").write_text("\n".join(classes) + "\n")
    for file, count, first in [("train", 3, 0), ("test", 1, 3)]:
        sheet = np.zeros((64, 96, 3), np.uint8)
        lines = ["sheet,index,label,file"]
        for i, image in enumerate(counted_images(count, 32, 32, 3, first)):
            tile = 4 - i  # not in the order of the sheet
            sheet[tile // 3 * 32:][:32, tile % 3 * 32:][:, :32] = image
            lines.append(f"{file}_00.png,{tile},{3 * (first + i) % 10},some.png")
        save(Image.fromarray(sheet), f"image_sets/cifar_sheets/{file}_00.png")
        (folder / f"{file}_labels.csv").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    pictures()
    arrays()
    image_sets()
