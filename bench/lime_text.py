"""LIME on film reviews: the lime package against Whence, the same network of averaged embeddings through ONNX Runtime for both.

The package gets a predictor that tokenises as the model wants it (a regular expression and a dict) and asks ONNX Runtime with its
best batch; it has to tokenise 5000 texts, as Whence does.
"""

from __future__ import annotations

import lzma
import re
import tarfile
import tempfile
from pathlib import Path

import numpy as np

from harness import fastest, import_whence, in_turns, ort_session
from models import data_file

LENGTH = 256


def run(bench) -> None:
    whence = import_whence()
    network = data_file("text/sentiment_avgemb_imdb.onnx")
    if network is None:
        bench.warn("no text/sentiment_avgemb_imdb.onnx in the data folder: nothing is measured")
        return
    model = whence.load(network, preprocess=preprocessing(network.parent))
    predict = Predictor(network, bench.threads)
    samples = 1000 if bench.quick else 5000
    for name, text in texts(network.parent).items():
        compare(bench, whence, model, predict, name, text, samples)


def preprocessing(folder: Path) -> str:
    path = Path(tempfile.mkdtemp()) / "text.json"
    path.write_text(
        '{"kind": "text", "vocabulary": "%s", "words": "[a-z0-9\']+", "start": "<START>", "unknown": "<UNKNOWN>", "pad": "<PAD>",'
        ' "classes": ["negative", "positive"]}' % (folder / "vocab.txt")
    )
    return str(path)


class Predictor:
    """Texts to probabilities, as a careful user of the package would write it."""

    def __init__(self, network: Path, threads: int):
        lines = (network.parent / "vocab.txt").read_text().split("\n")
        self.vocabulary = {word: int(number) for word, number in (line.rsplit(" ", 1) for line in lines if line)}
        self.words = re.compile(r"[a-z0-9']+")
        self.session = ort_session(network, threads)
        self.names = [output.name for output in self.session.get_outputs()]
        self.batch = 512

    def ids(self, texts) -> np.ndarray:
        out = np.zeros((len(texts), LENGTH), np.int64)
        get, unknown = self.vocabulary.get, self.vocabulary["<UNKNOWN>"]
        for row, text in enumerate(texts):
            numbers = [1, *(get(word, unknown) for word in self.words.findall(text.lower()))][:LENGTH]
            out[row, : len(numbers)] = numbers
        return out

    def __call__(self, texts) -> np.ndarray:
        ids = self.ids(texts)
        output = self.names[-1]
        return np.concatenate([self.session.run([output], {"input_ids": ids[i : i + self.batch]})[0] for i in range(0, len(ids), self.batch)])


def texts(folder: Path) -> dict[str, str]:
    sentence = lzma.open(folder / "rt-polarity.pos.xz").read().decode("latin-1").splitlines()[1]
    with tarfile.open(folder / "review_polarity.tar.gz") as archive:
        reviews = sorted(member.name for member in archive.getmembers() if "/neg/" in member.name)
        words = archive.extractfile(reviews[0]).read().decode("latin-1").split()
    return {"sentence": sentence, "review": " ".join(words[:250])}


def compare(bench, whence, model, predict, name: str, text: str, samples: int) -> None:
    from lime.lime_text import LimeTextExplainer

    assert np.allclose(np.asarray(model.predict(text)["prob"] if isinstance(model.predict(text), dict) else model.predict(text)).reshape(-1),
                       predict([text])[0], atol=1e-5), "the two do not ask the same"
    batches = {}
    for batch in (64, 512, 5000):
        def ask(batch=batch):
            predict.batch = batch
            return predict([text] * 512)
        batches[str(batch)] = ask
    predict.batch = int(fastest(batches))

    def lime(seed=0, count=samples):
        return LimeTextExplainer(random_state=seed).explain_instance(text, predict, labels=(1,), num_samples=count)

    def ours(seed=0, count=samples, **options):
        return whence.explain(model, text, method="lime", target=1, num_samples=count, seed=seed, **options)

    a, b = dict(lime().as_list(label=1)), ours()
    mine = dict(zip(b.names, b.values))
    common = [word for word in a if mine[word] != 0]
    bench.note(f"{name}: {len(mine)} words; of the 10 kept, {len(common)} are common to both")
    ids = predict.ids([text] * samples)
    timings = in_turns(
        {"whence": ours, "compatible": lambda: ours(compatible=True), "peer": lime,
         "tokens": lambda: ours(mask_tokens=True, split_expression=r"[^A-Za-z0-9']+"), "model": lambda: [predict.session.run(None, {"input_ids": ids[i : i + predict.batch]}) for i in range(0, samples, predict.batch)]},
        rounds=bench.rounds,
    )
    micro = {who: t.median / samples * 1e6 for who, t in timings.items()}
    bench.note(f"{name}: microseconds a row: " + ", ".join(f"{who} {value:.2f}" for who, value in micro.items()) + " (model: a bare forward pass)")
    bench.ratio(f"{name} {samples} samples", timings["whence"], timings["peer"], f"({micro['whence']:.1f} us a row, lime {micro['peer']:.1f})")
    bench.ratio(f"{name} compatible", timings["compatible"], timings["peer"])
    bench.ratio(f"{name} mask tokens", timings["tokens"], timings["peer"], "(the tokens of missing words are replaced: another question)")
