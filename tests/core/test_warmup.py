import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from core import als, sgd, warmup
from core.blend import add, counted_moments, moments, padded_moments, standardise
from core.coding import Coding
from core.communities import communities
from core.embedding import Embedding
from core.evaluation import Truth, mrr, ndcg, recall
from core.factors import Factors
from core.linear import ItemWeights, contributions, fit, score
from core.mips import ArtistCap, mips, mips_batch
from core.neighbours import ByTrack, cosine
from core.ordering import space
from core.quantised import Quantised
from core.recent import Recent
from core.similarity import similar, similar_batch, similarities
from core.sums import Flat, Nearness, Product, Sum, Table, best_of, sums_of
from core.topk import topk
from service.cli.kernels import digest

ROOT = Path(__file__).parents[2]
FRESH = """
import json
from core.warmup import kernels, warm
warm()
print(json.dumps({name: [str(s) for s in kernel.signatures] for name, kernel in kernels().items()}))
"""


def mapped(folder, array):
    """The array as a model file gives it: read-only and mapped."""
    path = folder / f"{len(list(folder.iterdir()))}.npy"
    np.save(path, array)
    return np.load(path, mmap_mode="r")


def ordinary_calls(folder):
    """Every public kernel on arrays as requests and fits bring them: mapped, strided, one-sided."""
    rng = np.random.default_rng(0)
    features = rng.random((9, 5000), np.float32)
    target, weights = features[:, 7], np.ones(9, np.float32)
    scores = rng.random((3, 5000), np.float32)
    for given in (features, mapped(folder, features)):
        similarities(given, target, weights)
        similar(given, target, weights, np.int32(50), bias=scores[0])
        similar(given, target, weights, 50, eligible=scores[1] > 0.5)
        prepared, flags = Quantised(given), scores[1] > 0.5
        similar(prepared, target, weights, np.int32(50), bias=scores[0], eligible=flags)
        similar_batch(prepared, features[:, :3].T, np.ones((3, 9), np.float32), 50)
        factors = Factors(given.T)
        heard, artists = np.arange(9, dtype=np.int32), np.zeros(5000, np.int32)
        mips(factors, target, 50)
        mips(factors, target, 50, bias=scores[0], eligible=flags, excluded=heard[::2])
        mips_batch(factors, features[:, :3].T, 50, artist_cap=ArtistCap(artists, np.int32(5)))
    for given in (scores[0], scores[:, 3], mapped(folder, scores[1]), scores[0, :0]):
        topk(given, np.int64(10))
        standardise(given)
    sums(folder, features, scores)
    for users in (40, 200):
        listens = csr_array((rng.random((users, 90)) < 0.2).astype(np.float32))
        fitted = fit(listens, l2=10.0, popularity_exponent=0.2, neighbours=20)
    loaded = ItemWeights(*(mapped(folder, getattr(fitted, name)) for name in vars(fitted)))
    rows, strengths = rng.permutation(90)[:30].astype(np.int32), rng.random(30, np.float32)
    for model in (fitted, loaded):
        score(model, rows[::2], strengths[::2])
        contributions(model, rows, strengths, rows[::3])
    turned = csr_array(listens.T)
    offsets, users = turned.indptr.astype(np.int64), turned.indices.astype(np.int32)
    cosine(ByTrack(offsets, users, turned.data), np.ones(200, np.float32), rows, strengths)
    communities(listens, np.int32(5), min_overlap=np.int64(2), min_similarity=0.1, threads=2)
    improved, tracks = als.fit(listens, dimensions=np.int64(5), rng=rng, alpha=2, threads=2)
    mapped_tracks = mapped(folder, tracks)
    for side in (tracks, mapped_tracks):
        als.fold_in(side, als.gram(side), rows[::2], strengths[::2], cg_steps=np.int32(4))
    seen = Recent(np.int64(5))
    seen.add(np.arange(18, dtype=np.uint64)[::2], np.zeros(9, np.uint64))
    seen.forget(1)
    online = sgd.BiasedFactors(
        improved, tracks, np.zeros(200, np.float32), strengths[np.zeros(90, int)], strengths[:1]
    )
    events = rows, rng.permutation(90)[:30].astype(np.int32), strengths
    sgd.learn(online, *events, weights=strengths, clip=1, frozen_tracks=np.ones(90, np.bool_))
    sgd.learn(online, *(column[::2] for column in events), frozen_users=np.zeros(200, np.bool_))
    sgd.learn(online, *(column[:1] for column in events), frozen_mean=np.bool_(1))
    sgd.predict(online, *events[:2])
    space(rows, np.int32(20), gap=np.int64(2), cap=3)
    shown = rng.integers(-1, 5000, (200, 12), dtype=np.int32)
    truth = Truth(offsets, users)
    for measure in (recall, ndcg, mrr):
        measure(shown[:90, ::2], truth)


def sums(folder, features, scores):
    """What lists are made of, on the catalogue's arrays."""
    summed = np.full(5000, np.nan, np.float32)
    coding = Coding(np.arange(5000, dtype=np.int32) % 7, 8)
    add(scores[0, :70], np.float32(1), summed, mean=np.float64(0), deviation=1)
    moments(scores[:, 3])
    padded_moments(scores[:, 3], np.int64(7000))
    counted_moments(scores[0, :8], coding.counts[::-1])
    for given in (np.ascontiguousarray(features.T), mapped(folder, features.T)):
        embedding, query = Embedding(given), features[:, 7]
        total = Sum(
            n=5000,
            features=given,
            flats=[Flat(summed), Flat(scores[0], 0.5, speaks=False)],
            flags=scores[1] > 0.5,
            tables=[Table(scores[0, :8], coding)],
            nearnesses=[Nearness(query, np.ones(9, np.float32), 1.0, 0.5, clipped=True)],
            products=[Product(embedding, query, 0.5)] * 2,
        )
        best_of(total, np.int64(50), allowed=scores[2] > 0.1, prices=scores[0], share=1)
        best_of(Sum(n=5000, features=given[:, :0], flats=[Flat(scores[0])]), 50)
        sums_of(total, coding.codes[:5])
        embedding.products(query, coding.codes[::2])


def test_after_warm_an_ordinary_call_compiles_nothing(tmp_path):
    """A fresh process tells what warm() alone compiles; this one may know no signature more.

    So no test that ran before, in any file, has needed another one either. The cache of the fresh
    process is empty, because a kernel read from the cache does not list the kernels it calls.
    """
    (tmp_path / "arrays").mkdir()
    ordinary_calls(tmp_path / "arrays")
    fresh = subprocess.run(
        [sys.executable, "-c", FRESH],
        cwd=ROOT,
        env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path / "kernels")},
        check=True,
        capture_output=True,
        text=True,
    )
    compiled = {name: set(signatures) for name, signatures in json.loads(fresh.stdout).items()}
    here = {name: {str(s) for s in k.signatures} for name, k in warmup.kernels().items()}
    extra = {name: found - compiled[name] for name, found in here.items()}

    assert {} == {name: found for name, found in extra.items() if found}
    assert [] == [name for name, signatures in compiled.items() if not signatures]


def test_it_says_how_many_kernels_it_compiled(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["warmup"])
    warmup.main()
    words = capsys.readouterr().out.split()

    assert ["compiled", str(len(warmup.kernels())), "kernels", "in"] == words[:4]
    assert "s" == words[5]


def test_kernels_of_two_parts_are_put_together_whole(tmp_path):
    """An index names its data files by number, so files of two parts are never mixed."""
    for part, names in {
        "one": ("f-1.py311", "g-2.py311"),
        "two": ("g-2.py311", "h-3.py311"),
    }.items():
        home = tmp_path / part / "core"
        home.mkdir(parents=True)
        for name in names:
            (home / f"{name}.nbi").write_text(part)
            (home / f"{name}.1.nbc").write_text(part)
    (tmp_path / "two" / "core" / "g-2.py311.2.nbc").write_text("two")
    cache = tmp_path / "cache"

    for part in ("one", "two"):
        warmup.put_together(tmp_path / part, cache)

    found = {path.name: path.read_text() for path in (cache / "core").iterdir()}
    of_one = dict.fromkeys(
        ("f-1.py311.nbi", "f-1.py311.1.nbc", "g-2.py311.nbi", "g-2.py311.1.nbc"), "one"
    )
    assert of_one | dict.fromkeys(("h-3.py311.nbi", "h-3.py311.1.nbc"), "two") == found


def test_an_empty_cache_is_filled_once_and_for_all(kernels, tmp_path):
    """The next process compiles nothing: it changes no file of what the first start filled."""
    shutil.copytree(kernels / digest(), tmp_path, dirs_exist_ok=True)
    env = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    subprocess.run(
        [sys.executable, "-m", "core.warmup"], cwd=ROOT, env=env, check=True, capture_output=True
    )
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}

    assert before == after
    assert len(warmup.kernels()) == sum(path.suffix == ".nbi" for path in after)
