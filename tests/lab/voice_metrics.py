"""Quality of coded speech by metrics that are at home in Python.

    voice_metrics.py < pairs.json > scores.json

Reads a list of pairs [{"reference": WAV, "degraded": WAV}, ...], 16 kHz mono of 16 bits, aligned and
of one length, and writes a list of {"pesq": MOS-LQO, "estoi": 0..1, "similarity": 0..1} in the same
order. A metric that cannot be computed (PESQ without speech, say) is null.

PESQ-WB is ITU-T P.862.2 (PyPI pesq); ESTOI is Jensen and Taal 2016 (PyPI pystoi). The similarity of
speakers is the cosine of the embeddings of Resemblyzer (Wan et al., "Generalized End-to-End Loss for
Speaker Verification", 2018). Its network is run here in numpy from the weights in its package, so
that PyTorch need not be installed; silence is left out by energy where Resemblyzer uses webrtcvad.
"""

import collections
import functools
import importlib.util
import json
import multiprocessing
import pathlib
import pickle
import sys
import wave

import numpy as np
from pesq import pesq
from pystoi import stoi

RATE = 16_000
PROCESSES = 2
# Resemblyzer's: 40 mel bands of 25 ms each 10 ms, pieces of 1.6 s, 1.3 pieces begun a second.
WINDOW = 400
HOP = 160
BANDS = 40
PIECE = 160
PIECE_STEP = 77
MIN_COVERAGE = 0.75
LAYERS = 3
TARGET_DBFS = -30
# Frames of 30 ms this far below the loudest are silence, unless one nearby is not.
SILENCE_DB = 30
NEARBY = 4


def main():
    pairs = json.load(sys.stdin)
    with multiprocessing.Pool(PROCESSES) as pool:
        json.dump(pool.map(scores, pairs, chunksize=4), sys.stdout)


def scores(pair):
    reference, degraded = read(pair["reference"]), read(pair["degraded"])
    embeddings = embedding(pair["reference"]), embedding(pair["degraded"])
    return {
        "pesq": finite(lambda: pesq(RATE, reference, degraded, "wb")),
        "estoi": finite(lambda: stoi(reference, degraded, RATE, extended=True)),
        "similarity": finite(lambda: embeddings[0] @ embeddings[1]),
    }


def finite(compute):
    """A number, or None where there is none."""
    try:
        value = float(compute())
    except Exception as reason:  # pesq raises classes of its own; a metric short is no reason to lose the rest
        print(f"voice_metrics: {reason}", file=sys.stderr)
        return None
    return value if np.isfinite(value) else None


def read(path):
    with wave.open(path) as file:
        shape = file.getframerate(), file.getnchannels(), file.getsampwidth()
        if shape != (RATE, 1, 2):
            raise ValueError(f"{path}: not 16 kHz mono of 16 bits")
        samples = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return samples.astype(np.float64) / 32768


@functools.lru_cache(maxsize=64)
def embedding(path):
    """Direction of a voice in the space of speakers, of length 1."""
    mels = mel_spectrogram(normalised(without_silence(read(path))))
    batch = np.stack(pieces(mels))
    for layer in range(LAYERS):
        batch = lstm(batch, layer)
    network = weights()
    raw = np.maximum(batch[:, -1] @ network["linear.weight"].T + network["linear.bias"], 0)
    return unit(np.mean([unit(piece) for piece in raw], axis=0))


def unit(vector):
    return vector / max(np.linalg.norm(vector), 1e-9)


def without_silence(samples):
    frames = samples[: len(samples) // 480 * 480].reshape(-1, 480)
    if not len(frames):
        return samples
    power = (frames**2).mean(axis=1)
    loud = power > power.max() * 10 ** (-SILENCE_DB / 10)
    return frames[np.convolve(loud, np.ones(2 * NEARBY + 1), "same") > 0].reshape(-1)


def normalised(samples):
    """Never made quieter, as Resemblyzer does it."""
    power = np.mean(samples**2) if len(samples) else 0
    gain = 10 ** (TARGET_DBFS / 20) / np.sqrt(power) if power > 0 else 1
    return samples * max(gain, 1)


def mel_spectrogram(samples):
    """Power in mel bands (not its logarithm), frames x bands."""
    padded = np.pad(samples, WINDOW // 2)
    starts = HOP * np.arange(1 + (len(padded) - WINDOW) // HOP)
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / WINDOW)
    frames = padded[starts[:, None] + np.arange(WINDOW)] * window
    return (np.abs(np.fft.rfft(frames)) ** 2 @ mel_bands().T).astype(np.float32)


@functools.cache
def mel_bands():
    """Triangles of Slaney's mel scale with equal areas, bands x bins, as librosa makes them."""
    log_step = np.log(6.4) / 27  # above 1 kHz, which is mel 15

    def hertz(mel):
        return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * log_step))

    edges = hertz(np.linspace(0, 15 + np.log(RATE / 2 / 1000) / log_step, BANDS + 2))
    bins = np.linspace(0, RATE / 2, WINDOW // 2 + 1)
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (middle - low), (high - bins) / (high - middle))
    return np.maximum(triangles, 0) * 2 / (high - low)


def pieces(mels):
    """Overlapping pieces of equal length; the last one only if enough of it is there."""
    starts = list(range(0, max(1, len(mels) - PIECE + PIECE_STEP + 1), PIECE_STEP))
    if len(starts) > 1 and (len(mels) - starts[-1]) / PIECE < MIN_COVERAGE:
        starts.pop()
    padded = np.pad(mels, ((0, PIECE), (0, 0)))
    return [padded[start : start + PIECE] for start in starts]


def lstm(batch, layer):
    """One layer over batch x time x inputs, in PyTorch's order of gates: input, forget, cell, output."""
    network = weights()
    into, back = network[f"lstm.weight_ih_l{layer}"], network[f"lstm.weight_hh_l{layer}"]
    bias = network[f"lstm.bias_ih_l{layer}"] + network[f"lstm.bias_hh_l{layer}"]
    driven = batch @ into.T + bias
    hidden = np.zeros((len(batch), back.shape[1]), np.float32)
    cell = np.zeros_like(hidden)
    outputs = []
    for now in driven.transpose(1, 0, 2):
        enter, forget, new, leave = np.split(now + hidden @ back.T, 4, axis=1)
        cell = sigmoid(forget) * cell + sigmoid(enter) * np.tanh(new)
        hidden = sigmoid(leave) * np.tanh(cell)
        outputs.append(hidden)
    return np.stack(outputs, axis=1)


def sigmoid(values):
    return 0.5 + 0.5 * np.tanh(0.5 * values)


@functools.cache
def weights():
    """The arrays of Resemblyzer's pretrained.pt, by name."""
    package = importlib.util.find_spec("resemblyzer")  # without running it: it wants PyTorch
    path = pathlib.Path(package.submodule_search_locations[0]) / "pretrained.pt"
    with path.open("rb") as file:
        for _ in range(3):  # magic, protocol, system
            TensorUnpickler(file).load()
        state = TensorUnpickler(file).load()["model_state"]
        storages = {}
        for key in pickle.load(file):
            (count,) = np.frombuffer(file.read(8), "<i8")
            storages[key] = np.frombuffer(file.read(4 * int(count)), "<f4")
    return {name: tensor(storages) for name, tensor in state.items() if callable(tensor)}


class TensorUnpickler(pickle.Unpickler):
    """Reads PyTorch's format of before 1.6, in which the numbers follow the pickled structure:
    a tensor is unpickled as a function from the storages to its array. Builds nothing else than
    plain containers, whatever the file names."""

    def find_class(self, module, name):
        if (module, name) == ("collections", "OrderedDict"):
            return collections.OrderedDict
        if name == "_rebuild_tensor_v2":
            return lambda key, offset, size, stride, *_: lambda storages: (
                storages[key][offset : offset + int(np.prod(size))].reshape(size)
            )
        if name == "_rebuild_parameter":
            return lambda tensor, *_: tensor
        return lambda *_, **__: None

    def persistent_load(self, identifier):
        _, _, key, *_ = identifier
        return key


if __name__ == "__main__":
    main()
