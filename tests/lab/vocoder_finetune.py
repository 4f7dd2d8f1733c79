"""Fine-tunes the vocoder's weights on speech, of many speakers or of one.

    python3 -m venv VENV && VENV/bin/pip install jax==0.10.2 numpy==2.4.6
    cargo run --release -p sotto-lab -- voice-features --speech DIR --out FEATURES
    VENV/bin/python tests/lab/vocoder_finetune.py --features FEATURES --out tuned.bin

What it writes is a file of weights, as codec/src/voice/weights/tuned.bin is one: put in its place,
`make bench-voice` measures it (the test of its hash then rightly fails). One core, some 15 minutes.

The network is FARGAN as in codec/src/voice/fargan, run freely over streams of speech whose state
goes on from step to step. The loss compares magnitudes of short spectra (four lengths, as logarithms
and compressed) and of mel bands with those of the recording, before de-emphasis and late by what the
vocoder is late. A first run is in floating point; a second one rounds weights and inputs as the codec
does, and passes gradients straight through (Bengio, Leonard, Courville, arXiv 1308.3432).
"""

import argparse
import functools
import pathlib
import struct

import jax
import jax.numpy as jnp
import numpy as np

HOP, SUBFRAME, DELAY, EMPHASIS = 160, 40, 240, 0.85
PAST, WIDE = 256, 44
UNITS = (160, 128, 128)
STREAMS, FRAMES = 24, 40  # of 0.4 s in each step
TAIL = 768  # samples of the step before that its spectra take with them

# Layers with weights of 8 bits: inputs, outputs, whether there is a bias.
ROUNDED = {
    "cond_net_fconv1": (192, 128, True), "cond_net_fdense2": (128, 320, True),
    "sig_net_fwc0_conv": (328, 192, True), "sig_net_fwc0_glu_gate": (192, 192, True),
    "sig_net_gru1_input": (272, 480, False), "sig_net_gru1_recurrent": (160, 480, False),
    "sig_net_gru2_input": (240, 384, False), "sig_net_gru2_recurrent": (128, 384, False),
    "sig_net_gru3_input": (208, 384, False), "sig_net_gru3_recurrent": (128, 384, False),
    "sig_net_gru1_glu_gate": (160, 160, True), "sig_net_gru2_glu_gate": (128, 128, True),
    "sig_net_gru3_glu_gate": (128, 128, True), "sig_net_skip_dense": (688, 128, True),
    "sig_net_skip_glu_gate": (128, 128, True), "sig_net_sig_dense_out": (128, 40, True),
}
FLOATS = {"cond_net_fdense1": (32, 64), "sig_net_cond_gain_dense": (80, 1), "sig_net_gain_dense_out": (192, 4)}
EMBEDDING = "cond_net_pembed"
# Its inputs are not rounded, see codec/src/voice/fargan/subframe.rs.
EXACT = {"sig_net_sig_dense_out", *FLOATS}


class WeightsFile:
    """A file of weights: arrays of a kind, by name."""

    def __init__(self, path):
        self.bytes = bytearray(path.read_bytes())
        self.places, at = {}, 0
        while at < len(self.bytes):
            _, length, padded = struct.unpack_from("<III", self.bytes, at + 8)
            name = bytes(self.bytes[at + 20 : at + 64]).split(b"\0")[0].decode()
            self.places[name] = (at + 64, length)
            at += 64 + padded

    def get(self, name, kind):
        start, length = self.places[name]
        return np.frombuffer(bytes(self.bytes[start : start + length]), kind).copy()

    def put(self, name, array):
        start, length = self.places[name]
        content = np.ascontiguousarray(array).tobytes()
        assert len(content) == length, name
        self.bytes[start : start + length] = content

    def scales(self):
        return {name: self.get(f"{name}_scale", "<f4") * 127 for name in ROUNDED}

    def parameters(self):
        """`layer/w` [inputs, outputs] and `layer/b` of all layers, as floats."""
        found = {}
        for name, (inputs, outputs, biased) in ROUNDED.items():
            blocks = self.get(f"{name}_weights_int8", "i1").astype(np.float32)
            rows = blocks.reshape(outputs // 8, inputs // 4, 8, 4).transpose(0, 2, 1, 3)
            found[f"{name}/w"] = (rows.reshape(outputs, inputs) * self.scales()[name][:, None]).T
            found[f"{name}/b"] = self.get(f"{name}_bias", "<f4") if biased else np.zeros(outputs, np.float32)
        for name, (inputs, outputs) in FLOATS.items():
            found[f"{name}/w"] = self.get(f"{name}_weights_float", "<f4").reshape(inputs, outputs)
            found[f"{name}/b"] = self.get(f"{name}_bias", "<f4")
        found[EMBEDDING] = self.get(f"{EMBEDDING}_weights_float", "<f4").reshape(224, 12)
        return {name: jnp.asarray(array) for name, array in found.items()}

    def replace(self, parameters):
        for name, (inputs, outputs, biased) in ROUNDED.items():
            weights = np.asarray(parameters[f"{name}/w"]).T
            scale = np.maximum(self.scales()[name], np.abs(weights).max(1) / 127).astype(np.float32)
            rounded = np.clip(np.rint(weights / scale[:, None]), -127, 127).astype(np.int8)
            blocks = rounded.reshape(outputs // 8, 8, inputs // 4, 4).transpose(0, 2, 1, 3)
            self.put(f"{name}_weights_int8", blocks)
            self.put(f"{name}_scale", scale / 127)
            if biased:
                self.put(f"{name}_bias", np.asarray(parameters[f"{name}/b"], np.float32))
        for name in FLOATS:
            self.put(f"{name}_weights_float", np.asarray(parameters[f"{name}/w"], np.float32))
            self.put(f"{name}_bias", np.asarray(parameters[f"{name}/b"], np.float32))
        self.put(f"{EMBEDDING}_weights_float", np.asarray(parameters[EMBEDDING], np.float32))


def straight_through(exact, rounded):
    return exact + jax.lax.stop_gradient(rounded - exact)


def round_input(values):
    values = jnp.clip(values, -1, 1)
    return straight_through(values, jnp.floor(values * 127 + 0.5) / 127)


def round_weights(parameters, scales):
    rounded = dict(parameters)
    for name in ROUNDED:
        weights = parameters[f"{name}/w"]
        scale = jnp.maximum(scales[name], jnp.abs(weights).max(0) / 127)
        rounded[f"{name}/w"] = straight_through(weights, jnp.clip(jnp.round(weights / scale), -127, 127) * scale)
    return rounded


def layer(parameters, rounding, name, values):
    if rounding and name not in EXACT:
        values = round_input(values)
    return values @ parameters[f"{name}/w"] + parameters[f"{name}/b"]


def sigmoid(values):
    return 0.5 + 0.5 * jnp.tanh(0.5 * values)


def periods_of(pitch):
    samples = np.floor(0.5 + 256 / np.exp2(pitch.astype(np.float64) + 1.5))
    return np.clip(samples.astype(np.int32), 32, 256)


def conditions(apply, parameters, features, periods):
    """features [streams, frames + 2, 20] to conditions [streams, frames, 4, 80]."""
    embedded = parameters[EMBEDDING][jnp.clip(periods - 32, 0, 223)]
    hidden = jnp.tanh(apply("cond_net_fdense1", jnp.concatenate([features, embedded], -1)))
    three = jnp.concatenate([hidden[:, :-2], hidden[:, 1:-1], hidden[:, 2:]], -1)
    joined = jnp.tanh(apply("cond_net_fconv1", three))
    conditions = jnp.tanh(apply("cond_net_fdense2", joined))
    return conditions.reshape(*conditions.shape[:2], 4, 80)


def silence():
    widths = (PAST, 2 * (80 + WIDE + SUBFRAME), *UNITS)
    return tuple(jnp.zeros((STREAMS, width)) for width in widths)


def subframe(apply, state, condition, period):
    """The next 2.5 ms of all streams, as codec/src/voice/fargan/subframe.rs makes them."""
    past, window, *states = state
    gain = jnp.exp(jnp.clip(apply("sig_net_cond_gain_dense", condition), -30, 30))
    relative = 1 / (1e-5 + gain)
    places = jnp.arange(WIDE)[None] + (PAST - period)[:, None]
    places = jnp.where(places < 2, 0, places - 2)
    for _ in range(2):
        places = jnp.where(places >= PAST, places - period[:, None], places)
    ago = jnp.clip(jnp.take_along_axis(past, places, 1) * relative, -1, 1)
    before = jnp.clip(past[:, PAST - SUBFRAME :] * relative, -1, 1)
    inputs = jnp.concatenate([condition, ago, before], 1)
    window = jnp.concatenate([window[:, inputs.shape[1] :], inputs], 1)
    first = jnp.tanh(apply("sig_net_fwc0_conv", window))
    first = first * sigmoid(apply("sig_net_fwc0_glu_gate", first))
    shares = sigmoid(apply("sig_net_gain_dense_out", first))
    pasts = [jnp.concatenate([shares[:, at : at + 1] * ago[:, 2:-2], before], 1) for at in range(4)]
    below, gated, new_states = first, [], []
    for at, state_of in enumerate(states):
        units, name = UNITS[at], f"sig_net_gru{at + 1}"
        fresh = apply(f"{name}_input", jnp.concatenate([below, pasts[at]], 1))
        kept = apply(f"{name}_recurrent", state_of)
        gates = sigmoid(fresh[:, : 2 * units] + kept[:, : 2 * units])
        update, reset = gates[:, :units], gates[:, units:]
        candidate = jnp.tanh(fresh[:, 2 * units :] + kept[:, 2 * units :] * reset)
        new_states.append(update * state_of + (1 - update) * candidate)
        below = new_states[-1] * sigmoid(apply(f"{name}_glu_gate", new_states[-1]))
        gated.append(below)
    joined = jnp.tanh(apply("sig_net_skip_dense", jnp.concatenate([*gated, first, pasts[3]], 1)))
    joined = joined * sigmoid(apply("sig_net_skip_glu_gate", joined))
    sound = jnp.tanh(apply("sig_net_sig_dense_out", joined)) * gain
    return (jnp.concatenate([past[:, SUBFRAME:], sound], 1), window, *new_states), sound


def render(parameters, scales, rounding, state, features, periods):
    """0.4 s of all streams: state, [streams, samples]."""
    if rounding:
        parameters = round_weights(parameters, scales)
    apply = functools.partial(layer, parameters, rounding)
    four = conditions(apply, parameters, features, periods)
    of_subframes = four.reshape(STREAMS, FRAMES * 4, 80).transpose(1, 0, 2)
    period_of_subframes = jnp.repeat(periods[:, 1:-1], 4, 1).T
    step = lambda state, at: subframe(apply, state, *at)
    state, sounds = jax.lax.scan(step, state, (of_subframes, period_of_subframes))
    return state, sounds.transpose(1, 0, 2).reshape(STREAMS, -1)


def mel_filters(size, bands):
    bins = np.linspace(0, 8000, size // 2 + 1)[:, None]
    edges = np.linspace(*(2595 * np.log10(1 + np.array([60, 8000]) / 700)), bands + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    rising = (bins - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - bins) / (edges[2:] - edges[1:-1])
    return jnp.asarray(np.maximum(np.minimum(rising, falling), 0).astype(np.float32))


MEL = {512: mel_filters(512, 36), 1024: mel_filters(1024, 64)}


def powers(sound, size):
    window = jnp.asarray(np.hanning(size + 1)[:-1].astype(np.float32))
    starts = np.arange((sound.shape[1] - size) // (size // 4) + 1)[:, None] * (size // 4)
    spectrum = jnp.fft.rfft(sound[:, starts + np.arange(size)] * window)
    return spectrum.real**2 + spectrum.imag**2


def difference(ours, theirs, floor):
    logarithms = jnp.mean(jnp.abs(jnp.log(ours + floor) - jnp.log(theirs + floor)))
    compressed = (theirs + floor) ** 0.25
    return 0.5 * logarithms + 2 * jnp.mean(jnp.abs((ours + floor) ** 0.25 - compressed)) / jnp.mean(compressed)


def loss_of(sound, wanted, level):
    total = 0.0
    for size in (128, 256, 512, 1024):
        floor = size * 0.375 * 1e-4  # 40 dB under the mean level
        ours, theirs = powers(sound / level, size), powers(wanted / level, size)
        total += difference(ours, theirs, floor)
        if size in MEL:
            total += difference(ours @ MEL[size], theirs @ MEL[size], 4 * floor)
    return total


@functools.partial(jax.jit, static_argnames="rounding")
def train_step(parameters, moments, scales, rounding, number, rate, carried, batch):
    state, tail, wanted_tail = carried
    features, periods, wanted, level = batch

    def loss(parameters):
        new_state, sound = render(parameters, scales, rounding, state, features, periods)
        sound = jnp.concatenate([tail, sound], 1)
        all_wanted = jnp.concatenate([wanted_tail, wanted], 1)
        return loss_of(sound, all_wanted, level), (new_state, sound[:, -TAIL:], all_wanted[:, -TAIL:])

    (value, carried), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
    frozen = [f"{name}/b" for name, (_, _, biased) in ROUNDED.items() if not biased]
    gradient.update({name: jnp.zeros_like(gradient[name]) for name in frozen})
    norm = jnp.sqrt(sum((slope**2).sum() for slope in gradient.values()))
    first, second = moments
    new, new_first, new_second = {}, {}, {}
    for name, slope in gradient.items():
        slope = slope * jnp.minimum(1, 5 / norm)
        new_first[name] = 0.9 * first[name] + 0.1 * slope
        new_second[name] = 0.99 * second[name] + 0.01 * slope**2
        scale = jnp.sqrt(new_second[name] / (1 - 0.99**number)) + 1e-8
        new[name] = parameters[name] - rate * new_first[name] / (1 - 0.9**number) / scale
    return new, (new_first, new_second), value, jax.lax.stop_gradient(carried)


class Speech:
    """All recordings one behind the other: features, periods, what is wanted, levels."""

    def __init__(self, folder, seconds):
        features, wanted, levels = [], [], []
        for path in sorted(folder.glob("*.f32")):
            sound = np.fromfile(path.with_suffix(".s16"), "<i2").astype(np.float32) / 32768
            count = min(len(sound) // HOP, seconds * 100)
            features.append(np.fromfile(path, "<f4").reshape(-1, 20)[:count])
            emphasised = sound - EMPHASIS * np.concatenate([[0], sound[:-1]])
            late = np.concatenate([np.zeros(DELAY), emphasised])[: count * HOP].reshape(count, HOP)
            wanted.append(late.astype(np.float32))
            levels.append(np.full(count, max(float(np.sqrt((late**2).mean())), 1e-4), np.float32))
        self.features, self.wanted = np.concatenate(features), np.concatenate(wanted)
        self.levels = np.concatenate(levels)
        self.periods = periods_of(self.features[:, 18])

    def batch(self, places):
        around = places[:, None] - 2 + np.arange(FRAMES + 2)
        wanted = self.wanted[places[:, None] + np.arange(FRAMES)].reshape(STREAMS, -1)
        return self.features[around], self.periods[around], wanted, self.levels[places][:, None]


def train(parameters, scales, speech, steps, rounding, highest_rate=1e-4):
    random = np.random.RandomState(1)
    last = len(speech.features) - FRAMES - 2
    places = np.maximum(np.arange(STREAMS) * (len(speech.features) // STREAMS) % last, 2)
    zeros = {name: jnp.zeros_like(array) for name, array in parameters.items()}
    moments, losses = (zeros, zeros), []
    carried = (silence(), jnp.zeros((STREAMS, TAIL)), jnp.zeros((STREAMS, TAIL)))
    for number in range(1, steps + 1):
        rate = highest_rate * min(1, number / 30) * (0.05 + 0.95 * 0.5 * (1 + np.cos(np.pi * number / steps)))
        parameters, moments, loss, carried = train_step(
            parameters, moments, scales, rounding, float(number), rate, carried, speech.batch(places)
        )
        losses.append(float(loss))
        if number % 50 == 0:
            print(f"{'rounded' if rounding else 'exact'}, step {number}: loss {np.mean(losses[-50:]):.4f}", flush=True)
        places = places + FRAMES
        elsewhere = (places > last) | (random.rand(STREAMS) < 0.06)
        places = np.where(elsewhere, random.randint(2, last, STREAMS), places)
    return parameters


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--features", type=pathlib.Path, required=True, help="what sotto-lab voice-features wrote")
    parser.add_argument("--out", type=pathlib.Path, required=True, help="file of weights to write")
    weights = pathlib.Path(__file__).parents[2] / "codec/src/voice/weights/lpcnet.bin"
    parser.add_argument("--weights", type=pathlib.Path, default=weights, help="file of weights to begin with")
    parser.add_argument("--seconds", type=int, default=60, help="how much of each recording")
    parser.add_argument("--steps", type=int, default=900, help="in floating point")
    parser.add_argument("--rounded-steps", type=int, default=400, help="with rounding")
    arguments = parser.parse_args()
    file = WeightsFile(arguments.weights)
    scales = {name: jnp.asarray(scale) for name, scale in file.scales().items()}
    speech = Speech(arguments.features, arguments.seconds)
    parameters = train(file.parameters(), scales, speech, arguments.steps, False)
    parameters = train(parameters, scales, speech, arguments.rounded_steps, True)
    file.replace(parameters)
    arguments.out.write_bytes(file.bytes)


if __name__ == "__main__":
    main()
