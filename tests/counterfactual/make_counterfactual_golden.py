"""What DiCE makes of given rows: counterfactual.npz, for counterfactual_golden_test.cpp.

Made with dice-ml 0.12, pandas 3.1.1 and NumPy 2.4.6 (Python 3.11). Where the definitions agree: the median absolute
deviation of each column, on its own scale and on the min-max scale, and the distance sum |a - b| / MAD with 1 for another category
(DiCE's feature weights before it rounds them to two decimals). Runs without a model: python tests/counterfactual/make_counterfactual_golden.py
"""

import sys
from pathlib import Path

import dice_ml
import numpy as np
import pandas as pd


def rows(rng):
    n = 151
    return pd.DataFrame(
        {
            "gauss": rng.normal(size=n),
            "money": np.round(np.exp(rng.normal(7, 1, n)), 2),
            "age": rng.integers(18, 90, n),
            "mostly_zero": np.where(rng.uniform(size=n) < 0.8, 0.0, rng.integers(1, 5000, n).astype(float)),
            "job": rng.integers(0, 4, n).astype(str),
            "outcome": rng.integers(0, 2, n),
        }
    )


def main():
    frame = rows(np.random.default_rng(11))
    numbers = ["gauss", "money", "age", "mostly_zero"]
    data = dice_ml.Data(dataframe=frame, continuous_features=numbers, outcome_name="outcome")
    mads = data.get_mads(normalized=False)
    scaled = data.get_valid_mads(normalized=True)  # 0 becomes 1: of the range
    ranges = frame[numbers].max() - frame[numbers].min()
    weight = np.array([1 / (scaled[c] * ranges[c]) for c in numbers])  # per unit of the column
    cells = frame[numbers].to_numpy(float)
    jobs = frame["job"].astype(int).to_numpy()
    distances = np.abs(cells - cells[0]) @ weight + (jobs != jobs[0])
    np.savez_compressed(
        Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).with_name("counterfactual.npz"),
        rows=np.column_stack([cells, jobs]),
        mads=np.array([mads[c] for c in numbers], float),
        scales=1 / weight,
        distances=distances,
    )


if __name__ == "__main__":
    main()
