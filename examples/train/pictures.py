#!/usr/bin/env python3
"""Draws the small pictures under examples/data/pictures, and the captions beside them: what a store of pictures needs to be tried.

    python3 examples/train/pictures.py

Digits of 64x64 in six colours on a dark ground, drawn with DejaVu Sans as Debian's fonts-dejavu-core has it, softened to the strokes of handwriting.
"""
import argparse
import random
from pathlib import Path

from PIL import Image, ImageDraw, ImageFilter, ImageFont

from clip import CLOTHES, COLOURS, DIGITS, PHOTOGRAPHS

ROOT = Path(__file__).resolve().parents[2]
SIZE, FINER = 64, 8
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"


def stroke(digit):
    """How much ink is where, 0 to 255."""
    side = SIZE * FINER
    ink = Image.new("L", (side, side))
    ImageDraw.Draw(ink).text((side / 2, side / 2), str(digit), 255, ImageFont.truetype(FONT, 52 * FINER), anchor="mm")
    return ink.filter(ImageFilter.GaussianBlur(1.1 * FINER)).resize((SIZE, SIZE), Image.Resampling.BOX)


def picture(digit, colour, generator):
    ground = [generator.randrange(64) for _ in range(3)]
    paint = [round(255 * part) for part in COLOURS[colour]]
    return Image.composite(Image.new("RGB", (SIZE, SIZE), tuple(paint)), Image.new("RGB", (SIZE, SIZE), tuple(ground)), stroke(digit))


def captions():
    """A line for each thing by each of its names, and for some in each colour."""
    lines = [f"a photo of {'' if name.endswith('s') and name != 'dress' else 'an ' if name[0] in 'aeiou' else 'a '}{name}"
             for names in PHOTOGRAPHS + CLOTHES + DIGITS for name in names if not name.isdigit()]
    return lines + [f"a {colour} {names[0]}" for names in DIGITS for colour in COLOURS]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "examples/data/pictures")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    generator = random.Random(7)
    for digit, names in enumerate(DIGITS):
        for colour in COLOURS:
            picture(digit, colour, generator).save(options.out / f"{colour}_{names[0]}.png", optimize=True)
    (options.out.parent / "captions.txt").write_text("\n".join(captions()) + "\n")


if __name__ == "__main__":
    main()
