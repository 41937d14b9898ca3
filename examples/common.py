"""Where the examples find their models and data, and put what they make."""
import csv
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS, DATA = HERE / "models", HERE / "data"
SHARED = HERE.parent.parent / "shared" / "data"
OUT = HERE.parent / "build" / "examples"
OUT.mkdir(parents=True, exist_ok=True)


def given_or(path):
    """The file named on the command line, else `path`; ends with a line that says what to give where there is neither."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else path
    if not path.exists():
        sys.exit(f"{path} is not there: give the file's path, as in python3 {sys.argv[0]} FILE")
    return path


def write_table(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def show(title, text):
    print(f"\n== {title}\n\n{text}")
