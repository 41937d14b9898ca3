"""Models behind an HTTP endpoint, served here by a stub that asks a local model."""

import json
import os
import re
import signal
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import whence

ROOT = Path(__file__).resolve().parents[2]
WHENCE = Path(os.environ.get("WHENCE", ROOT / "build" / "release" / "whence"))
MODEL = ROOT / "examples" / "models" / "breast_cancer.onnx"
TABLE = ROOT / "examples" / "data" / "breast_cancer.csv"


class Stub(ThreadingHTTPServer):
    """The Open Inference Protocol over a whence.Model; answers 503 after `enough` calls, or keeps silent."""

    daemon_threads = True

    def __init__(self, model, enough=10**9, silent=False):
        super().__init__(("127.0.0.1", 0), Handler)
        self.model, self.enough, self.silent, self.calls = model, enough, silent, 0
        self.over = threading.Event()
        self.url = f"http://127.0.0.1:{self.server_address[1]}/v2/models/cancer"

    def describe(self, infos):
        return [{"name": i.name, "datatype": "FP32", "shape": [-1 if n is None else n for n in i.shape]} for i in infos
                if i.dtype == np.float32]

    def answer(self, question):
        (given,) = question["inputs"]
        rows = np.array(given["data"], np.float32).reshape(given["shape"])
        scores = self.model.predict(rows)
        if not isinstance(scores, dict):
            scores = {self.model.outputs[0].name: scores}
        return {"outputs": [{"name": name, "datatype": "FP32", "shape": list(value.shape), "data": value.ravel().tolist()}
                            for name, value in scores.items() if value.dtype == np.float32]}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def say(self, status, what):
        body = json.dumps(what).encode()
        with suppress(ConnectionError):  # who asked may have gone
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def do_GET(self):
        stub = self.server
        self.say(200, {"name": "cancer", "platform": "stub", "versions": ["1"], "inputs": stub.describe(stub.model.inputs),
                       "outputs": stub.describe(stub.model.outputs)})

    def do_POST(self):
        stub = self.server
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        stub.calls += 1
        if stub.silent:
            stub.over.wait(3)
        if stub.calls > stub.enough:
            self.say(503, {"error": "overloaded"})
        else:
            self.say(200, stub.answer(question))


@contextmanager
def serving(model=None, **options):
    stub = Stub(model or whence.load(MODEL), **options)
    thread = threading.Thread(target=lambda: stub.serve_forever(poll_interval=0.01), daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.over.set()
        stub.shutdown()
        stub.server_close()
        thread.join()


@pytest.fixture(scope="module")
def local():
    return whence.load(MODEL, background=TABLE)


@pytest.fixture(scope="module")
def known(local):
    """What the protocol does not say of this model."""
    return {"scale": local.outputs[0].scale, "retries": 1, "delay": 0.01}


def preprocessing():
    """The JSON beside the local model."""
    beside = MODEL.with_suffix(".json")
    return beside if beside.exists() else "none"


def run(*words, check=0, env=None):
    result = subprocess.run([WHENCE, *map(str, words)], capture_output=True, text=True, timeout=60, env={**os.environ, **(env or {})})
    assert result.returncode == check, f"status {result.returncode}\n{result.stdout}\n{result.stderr}"
    return result


def test_predict_is_the_local_models(local, known):
    rows = np.random.default_rng(1).uniform(0, 20, (150, local.inputs[0].shape[1])).astype(np.float32)
    with serving() as stub:
        remote = whence.load(stub.url, endpoint={**known, "batch": 64})
        assert remote.inputs[0].shape == local.inputs[0].shape
        assert remote.path == stub.url
        given, wanted = remote.predict(rows), local.predict(rows)
        np.testing.assert_allclose(given, wanted, rtol=1e-6)
        assert stub.calls == 3  # 64 + 64 + 22


@pytest.mark.parametrize("method", ["lime", "occlusion"])
def test_explanations_are_the_local_models(method, local, known):
    with serving() as stub:
        remote = whence.load(stub.url, preprocessing(), background=TABLE, endpoint=known)
        mine, theirs = (whence.explain(model, TABLE, row=17, method=method, seed=3) for model in (local, remote))
    np.testing.assert_allclose(theirs.values, mine.values, rtol=1e-4, atol=1e-7)
    assert json.loads(theirs.to_json())["provenance"]["model"] == {"path": stub.url, "sha256": ""}


def test_what_needs_more_than_answers_says_so(known):
    with serving() as stub:
        remote = whence.load(stub.url, preprocessing(), background=TABLE, endpoint=known)
        for work in (lambda: whence.explain(remote, TABLE, row=1, method="saliency"),
                     lambda: remote.gradient(np.zeros((1, 30), np.float32)), lambda: remote.info(), lambda: remote.sha256):
            with pytest.raises(whence.UnsupportedError, match="only be asked|can be asked|no gradient"):
                work()


@pytest.mark.parametrize("channels", ["rgb", "bgr"])
def test_pictures_are_normalised_before_they_are_sent(tmp_path, channels):
    """The same network: its preprocessing in the graph here, before the endpoint there."""
    network = ROOT / "examples" / "models" / "cifar10_cnn.onnx"
    how = {"kind": "image", "size": 32, "channels": channels, "layout": "nchw", "scale": 2, "mean": [0.4, 0.5, 0.3], "std": [0.25, 0.5, 0.2]}
    (tmp_path / "how.json").write_text(json.dumps(how))
    cat = ROOT / "examples" / "data" / "cat.png"
    here = whence.load(network, tmp_path / "how.json")
    with serving(whence.load(network, "none")) as stub:
        there = whence.load(stub.url, tmp_path / "how.json", endpoint={"scale": here.outputs[0].scale})
        np.testing.assert_allclose(there.predict(cat), here.predict(cat), rtol=1e-4, atol=1e-5)
        options = dict(method="occlusion", segmentation="grid:4x4", target=3)
        mine, theirs = (whence.explain(model, cat, **options).values for model in (here, there))
        np.testing.assert_allclose(theirs, mine, rtol=1e-3, atol=1e-5)
        with pytest.raises(whence.UsageError, match="the preprocessing says height 31, the model reads 32"):
            (tmp_path / "how.json").write_text(json.dumps({**how, "size": 31}))
            whence.load(stub.url, tmp_path / "how.json")


def test_options_that_make_no_sense(known):
    with serving() as stub:
        for endpoint, says in [({"batch": 0}, "batch"), ({"colour": 1}, "no endpoint option"), ({"scale": "loud"}, "scale")]:
            with pytest.raises(whence.UsageError, match=says):
                whence.load(stub.url, endpoint=endpoint)


SAMPLED = {"summary": "sample:4", "tolerance": 0.0, "budget": 20000}


@pytest.mark.parametrize(("method", "options"), [("lime", {}), ("anchors", {}), ("kernel-shap", SAMPLED), ("permutation-shap", SAMPLED),
                                                 ("sampling-shap", SAMPLED), ("banzhaf", SAMPLED)])
def test_what_was_answered_before_a_failure_is_kept(local, known, method, options):
    with serving(enough=200) as stub:
        remote = whence.load(stub.url, preprocessing(), background=TABLE, endpoint={**known, "batch": 16})
        early = whence.explain(remote, TABLE, row=17, method=method, **options)
    assert early.converged is False
    assert any(re.search(r"answers 503 \(after 2 tries\); \d+ rows were answered before", note) for note in early.notes), early.notes
    full = whence.explain(local, TABLE, row=17, method=method, **options)
    assert not any("503" in note for note in full.notes)
    assert early.value == pytest.approx(full.value, rel=1e-5)
    if method == "anchors":
        assert 0 < early.rule.precision <= 1
    else:
        assert np.isfinite(early.values).all() and early.evaluations < full.evaluations


@pytest.mark.parametrize("method", ["exact-shap", "occlusion"])
def test_a_failure_that_leaves_no_estimate_says_how_far_it_came(known, method):
    with serving(enough=3) as stub:
        remote = whence.load(stub.url, preprocessing(), background=TABLE, endpoint={**known, "batch": 4})
        options = {"groups": "0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19"} if method == "exact-shap" else {}
        with pytest.raises(whence.FileError, match=r"answers 503 \(after 2 tries\); \d+ rows were answered before"):
            whence.explain(remote, TABLE, row=17, method=method, **options)


def test_the_command_line_keeps_what_was_answered(known, tmp_path):
    endpoint = [word for name, value in known.items() for word in ("--endpoint", f"{name}={value}")]
    page = tmp_path / "why.html"
    with serving(enough=40) as stub:
        shown = run("explain", stub.url, TABLE, "--preprocess", preprocessing(), "--row", 17, *endpoint, "--background", TABLE, "-m", "lime",
                    "-o", page, "--show")
    assert "stopped early" in shown.stdout and "answers 503" in shown.stdout and "stopped early" in page.read_text()


@pytest.fixture
def heard():
    """A test run in the background ignores SIGINT, and so would Python."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_a_call(known, heard):
    with serving(silent=True) as stub:
        remote = whence.load(stub.url, endpoint={**known, "timeout": 60})
        timer = threading.Timer(0.2, lambda: signal.raise_signal(signal.SIGINT))
        timer.start()
        start = time.monotonic()
        with pytest.raises(KeyboardInterrupt):
            remote.predict(np.zeros((1, 30), np.float32))
        assert time.monotonic() - start < 2.5  # the stub keeps silent for longer
        with pytest.raises(whence.LimitError):
            remote.predict(np.zeros((1, 30), np.float32), time_limit=0.1)


def test_the_command_line(known, tmp_path):
    endpoint = [word for name, value in known.items() for word in ("--endpoint", f"{name}={value}")]
    saved = tmp_path / "why.json"
    with serving() as stub:
        told = run("info", stub.url).stdout
        assert "platform stub" in told and "only be asked" in told
        assert json.loads(run("info", stub.url, "--json").stdout)["platform"] == "stub"
        same = ["--preprocess", preprocessing(), "--row", 17]
        assert run("predict", stub.url, TABLE, *same, *endpoint).stdout == run("predict", MODEL, TABLE, "--row", 17).stdout
        secret = stub.url.replace("://", "://ann:secret@")
        explained = run("explain", secret, TABLE, *same, *endpoint, "--background", TABLE, "--method", "lime", "-o", saved)
        assert "secret" not in saved.read_text() + explained.stdout + explained.stderr
        # A file does not decide where inputs are sent.
        calls = stub.calls
        refused = run("replay", saved, check=2)
        assert f"--model {stub.url}" in refused.stderr and stub.calls == calls
        again = run("replay", saved, "--model", stub.url)
        assert again.stdout.startswith("same") and "no hash" in again.stderr
        assert whence.replay(saved, model=stub.url).same
        with pytest.raises(whence.UsageError, match="only if you name it"):
            whence.replay(saved)
    gone = run("predict", stub.url, TABLE, *same, *endpoint, check=7)
    assert len(gone.stderr.splitlines()) == 1 and "no connection" in gone.stderr


def test_a_token_is_sent_and_never_shown(known, tmp_path):
    with serving(enough=0) as stub:
        env = {"WHENCE_REMOTE_TOKEN": "tok-123"}
        shown = run("predict", stub.url, TABLE, "--preprocess", preprocessing(), "--row", 0, "--endpoint", "retries=0", check=7, env=env)
        assert "tok-123" not in shown.stderr
    clear = run("info", "http://example.invalid/v2/models/m", check=2, env={"WHENCE_REMOTE_TOKEN": "tok-123"})
    assert "in clear" in clear.stderr and "tok-123" not in clear.stderr
