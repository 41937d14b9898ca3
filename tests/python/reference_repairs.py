"""Operators that onnx.reference gets wrong, computes in float32 only, or lacks, written again: slow and obvious.

Erf, Gelu               results are float32
GroupNormalization      computes in float32
Pad                     negative amounts (cut off) fail
MaxPool                 without strides and pads the indices are wrong
AveragePool             windows that hang over both ends are counted wrong
Conv, ConvTranspose     several groups fail for some shapes
GlobalMaxPool           only two spatial axes
GlobalLpPool            missing
LpNormalization         p = 1 leaves out the absolute value
LpPool                  takes minutes
LRN                     normalises as many channels as there are rows
GridSample              coordinates are float32; bicubic taps beyond a border are read otherwise than ONNX Runtime reads them
GatherElements, ScatterElements   indices shorter than the data fail
Loop, Scan              results are stacked wrong, or only along the first axis; no step fails
"""
import itertools
import math

import numpy as np
from onnx.reference.op_run import OpRun


class Repaired(OpRun):
    op_domain = ""


class Erf(Repaired):
    def _run(self, x):
        return (np.vectorize(math.erf, otypes=[x.dtype])(x),)


class Gelu(Repaired):
    def _run(self, x, approximate=None):
        if approximate == "tanh":
            return (x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),)
        return (x / 2 * (1 + np.vectorize(math.erf, otypes=[x.dtype])(x / math.sqrt(2))),)


class GroupNormalization(Repaired):
    def _run(self, x, scale, bias, epsilon=None, num_groups=None, stash_type=None):
        grouped = x.reshape(x.shape[0], num_groups, -1)
        centred = grouped - grouped.mean(-1, keepdims=True)
        z = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + epsilon)
        column = (-1,) + (1,) * (x.ndim - 2)
        return (z.reshape(x.shape) * scale.reshape(column) + bias.reshape(column),)


class LpNormalization(Repaired):
    def _run(self, x, axis=None, p=None):
        norm = np.linalg.norm(x, p, axis, keepdims=True)
        return (np.where(norm == 0, 0, x / np.where(norm == 0, 1, norm)),)


class Pad(Repaired):
    def _run(self, x, pads=None, value=None, axes=None, mode=None, **_):
        axes = range(x.ndim) if axes is None else [int(a) % x.ndim for a in axes]
        before, after = np.zeros(x.ndim, int), np.zeros(x.ndim, int)
        for i, axis in enumerate(axes):
            before[axis], after[axis] = pads[i], pads[i + len(axes)]
        x = x[tuple(slice(max(0, -b), n - max(0, -a)) for b, a, n in zip(before, after, x.shape))]
        width = list(zip(np.maximum(before, 0), np.maximum(after, 0)))
        if (mode or "constant") != "constant":
            return (np.pad(x, width, mode),)
        return (np.pad(x, width, constant_values=0 if value is None else np.asarray(value).item()),)


class LRN(Repaired):
    def _run(self, x, alpha=None, beta=None, bias=None, size=None):
        before, after = (size - 1) // 2, -(-(size - 1) // 2)
        sums = [(x[:, max(0, c - before):c + after + 1]**2).sum(1) for c in range(x.shape[1])]
        return (x / (bias + alpha / size * np.stack(sums, 1))**beta,)


def places(x, indices, axis):
    place = list(np.indices(indices.shape))
    place[axis] = np.where(indices < 0, indices + x.shape[axis], indices)
    return tuple(place)


class GatherElements(Repaired):
    def _run(self, x, indices, axis=None):
        return (x[places(x, indices, axis)],)


class ScatterElements(Repaired):
    def _run(self, x, indices, updates, axis=None, reduction=None):
        y = x.copy()
        if reduction in ("add", "mul", "max", "min"):
            combine = {"add": np.add, "mul": np.multiply, "max": np.maximum, "min": np.minimum}[reduction]
            combine.at(y, places(x, indices, axis), updates)
        else:
            y[places(x, indices, axis)] = updates
        return (y,)


def taps_of(mode, f):
    """Weights of the neighbours, from the first on, of a place that is f past a whole one."""
    if mode == "nearest":
        return 0, [np.ones_like(f)]
    if mode in ("linear", "bilinear"):
        return 0, [1 - f, f]
    a = -0.75  # Keys 1981
    near = lambda s: (a + 2) * s**3 - (a + 3) * s**2 + 1  # noqa: E731
    far = lambda s: a * s**3 - 5 * a * s**2 + 8 * a * s - 4 * a  # noqa: E731
    return -1, [far(1 + f), near(f), near(1 - f), far(2 - f)]


class GridSample(Repaired):
    def _run(self, x, grid, mode=None, padding_mode=None, align_corners=None):
        axes = []
        for length, column in zip(x.shape[2:], np.moveaxis(grid[..., ::-1], -1, 0)):
            low, high = (0, length - 1) if align_corners else (-0.5, length - 0.5)
            place = low + (column + 1) / 2 * (high - low)
            whole = np.rint(place) if mode == "nearest" else np.floor(place)
            first, weights = taps_of(mode, place - whole)
            axes.append([self.tap(whole + first + i, w, length, low, high, padding_mode) for i, w in enumerate(weights)])
        rows = np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 2))
        y = 0
        for taps in itertools.product(*axes):
            # [N, places..., C]
            y = y + math.prod(w for _, w in taps)[..., None] * np.moveaxis(x, 1, -1)[(rows, *(at for at, _ in taps))]
        return (np.moveaxis(y, -1, 1),)

    @staticmethod
    def tap(at, weight, length, low, high, padding):
        if padding == "zeros":
            weight = weight * ((at >= 0) & (at < length))
        if padding == "reflection":
            while high > low and ((at < low) | (at > high)).any():
                at = np.where(at < low, 2 * low - at, np.where(at > high, 2 * high - at, at))
        return np.clip(at, 0, length - 1).astype(int), weight


class GlobalMaxPool(Repaired):
    def _run(self, x):
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class GlobalLpPool(Repaired):
    def _run(self, x, p=None):
        return ((np.abs(x)**p).sum(axis=tuple(range(2, x.ndim)), keepdims=True)**(1 / p),)


class Window:
    """A window with its defaults filled in, and how often it fits."""

    def __init__(self, lengths, kernel, strides, dilations, pads, auto_pad, ceil_mode=0):
        rank = len(kernel)
        self.kernel, self.strides, self.dilations = kernel, strides or [1] * rank, dilations or [1] * rank
        pads = list(pads or [0] * 2 * rank)
        self.counts = []
        for axis, (n, k, s, d) in enumerate(zip(lengths, kernel, self.strides, self.dilations)):
            span = (k - 1) * d + 1
            if auto_pad in ("SAME_UPPER", "SAME_LOWER"):
                count = -(-n // s)
                total = max(0, (count - 1) * s + span - n)
                pads[axis] = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
                pads[axis + rank] = total - pads[axis]
            else:
                room = n + pads[axis] + pads[axis + rank] - span
                count = (-(-room // s) if ceil_mode else room // s) + 1
                if ceil_mode and (count - 1) * s >= n + pads[axis]:
                    count -= 1  # a window must begin inside
            self.counts.append(count)
        self.begin, self.end = pads[:rank], pads[rank:]

    def taps(self):
        return itertools.product(*map(range, self.kernel))

    def spread(self, x, value):
        """x with a frame of `value`, wide enough for every window."""
        after = [max(0, (c - 1) * s + (k - 1) * d + 1 - b - n) for c, s, k, d, b, n in
                 zip(self.counts, self.strides, self.kernel, self.dilations, self.begin, x.shape[2:])]
        return np.pad(x, [(0, 0), (0, 0), *zip(self.begin, after)], constant_values=value)

    def at(self, tap):
        """Where every window has this tap, in a framed array."""
        return (slice(None), slice(None), *(slice(t * d, t * d + (c - 1) * s + 1, s) for t, d, c, s in
                                            zip(tap, self.dilations, self.counts, self.strides)))

    def stack(self, x, value):
        """[taps, N, C, windows...]"""
        framed = self.spread(x, value)
        return np.stack([framed[self.at(tap)] for tap in self.taps()])


class MaxPool(Repaired):
    def _run(self, x, auto_pad=None, ceil_mode=None, dilations=None, kernel_shape=None, pads=None, storage_order=None,
             strides=None):
        window = Window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        values = window.stack(x, -np.inf)
        if len(self.onnx_node.output) == 1:
            return (values.max(0),)
        positions = window.stack(np.arange(x.size).reshape(x.shape), -1)
        best = values.argmax(0)[None]
        return np.take_along_axis(values, best, 0)[0], np.take_along_axis(positions, best, 0)[0]


class AveragePool(Repaired):
    def _run(self, x, auto_pad=None, ceil_mode=None, count_include_pad=None, dilations=None, kernel_shape=None, pads=None,
             strides=None):
        window = Window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        real = np.ones_like(x)
        if count_include_pad:
            real = np.pad(real, [(0, 0), (0, 0), *zip(window.begin, window.end)], constant_values=1)
            counted = Window(real.shape[2:], kernel_shape, strides, dilations, None, None, ceil_mode)
            counted.counts = window.counts
        else:
            counted = window
        return (window.stack(x, 0).sum(0) / counted.stack(real, 0).sum(0),)


class LpPool(Repaired):
    def _run(self, x, auto_pad=None, ceil_mode=None, dilations=None, kernel_shape=None, p=None, pads=None, strides=None):
        window = Window(x.shape[2:], kernel_shape, strides, dilations, pads, auto_pad, ceil_mode)
        return ((np.abs(window.stack(x, 0))**p).sum(0)**(1 / p),)


class Conv(Repaired):
    def _run(self, x, w, bias=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, pads=None, strides=None):
        window = Window(x.shape[2:], list(w.shape[2:]), strides, dilations, pads, auto_pad)
        # What begins beyond the last window is not read.
        framed = window.spread(x, 0)
        group = group or 1
        weights = w.reshape(group, -1, *w.shape[1:])
        y = 0
        for tap in window.taps():
            part = framed[window.at(tap)]
            grouped = part.reshape(part.shape[0], group, -1, *part.shape[2:])
            y = y + np.einsum("gmc,ngc...->ngm...", weights[(..., *tap)], grouped)
        y = y.reshape(x.shape[0], w.shape[0], *window.counts)
        return (y if bias is None else y + bias.reshape(-1, *[1] * (x.ndim - 2)),)


class ConvTranspose(Repaired):
    def _run(self, x, w, bias=None, auto_pad=None, dilations=None, group=None, kernel_shape=None, output_padding=None,
             output_shape=None, pads=None, strides=None):
        rank, group = x.ndim - 2, group or 1
        kernel, strides, dilations = w.shape[2:], strides or [1] * rank, dilations or [1] * rank
        extra, pads = output_padding or [0] * rank, list(pads or [0] * 2 * rank)
        full = [(n - 1) * s + (k - 1) * d + 1 for n, s, k, d in zip(x.shape[2:], strides, kernel, dilations)]
        if output_shape or auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            wanted = (output_shape or [n * s for n, s in zip(x.shape[2:], strides)])[-rank:]
            for axis in range(rank):
                total = full[axis] + extra[axis] - wanted[axis]
                pads[axis] = total // 2 if auto_pad == "SAME_UPPER" else total - total // 2
                pads[axis + rank] = total - pads[axis]
        lengths = [f + e - b - a for f, e, b, a in zip(full, extra, pads[:rank], pads[rank:])]
        y = np.zeros((x.shape[0], w.shape[1] * group, *full), x.dtype)
        grouped = x.reshape(x.shape[0], group, -1, *x.shape[2:])
        weights = w.reshape(group, -1, *w.shape[1:])
        for tap in itertools.product(*map(range, kernel)):
            part = np.einsum("gcm,ngc...->ngm...", weights[(..., *tap)], grouped)
            at = (slice(t * d, t * d + (n - 1) * s + 1, s) for t, d, n, s in zip(tap, dilations, x.shape[2:], strides))
            y[(slice(None), slice(None), *at)] += part.reshape(x.shape[0], -1, *x.shape[2:])
        y = np.pad(y, [(0, 0), (0, 0), *((max(0, -b), max(0, l + b - f)) for b, l, f in zip(pads, lengths, full))])
        y = y[(slice(None), slice(None), *(slice(max(0, b), max(0, b) + l) for b, l in zip(pads, lengths)))]
        return (y if bias is None else y + bias.reshape(-1, *[1] * rank),)


def run_steps(body, feeds, names, states, slices):
    """Runs the body once for each of `slices` (feeds of a step); returns the last states and the results, listed."""
    results = [[] for _ in body.output_names[len(names):]]
    for step in slices:
        outputs = body.run(None, feeds | dict(zip(names, states)) | step)
        states, made = outputs[:len(names)], outputs[len(names):]
        for kept, value in zip(results, made):
            kept.append(np.asarray(value))
    return list(states), results


class Loop(Repaired):
    def need_context(self):
        return True

    def _run(self, count, go, *states, context=None, **_):
        number, condition, *names = self.body.input_names
        held = {"go": True if go is None else bool(np.all(go))}

        def steps():
            at = 0
            while held["go"] and (count is None or at < np.asarray(count).item()):
                yield {number: np.int64(at), condition: np.True_}
                at += 1

        class Watched:
            output_names = self.body.output_names[1:]

            @staticmethod
            def run(_, feeds):
                go_on, *outputs = self.body.run(None, feeds)
                held["go"] = bool(np.all(go_on))
                return outputs

        last, results = run_steps(Watched, dict(context or {}), names, states, steps())
        return (*last, *(np.stack(kept) if kept else np.zeros(0) for kept in results))


class Scan(Repaired):
    def need_context(self):
        return True

    def _run(self, *args, context=None, num_scan_inputs=None, scan_input_axes=None, scan_input_directions=None, scan_output_axes=None,
             scan_output_directions=None, **_):
        count = len(args) - num_scan_inputs
        rows = [np.moveaxis(x, axis, 0)[::-1 if reverse else 1] for x, axis, reverse in zip(
            args[count:], scan_input_axes or [0] * num_scan_inputs, scan_input_directions or [0] * num_scan_inputs)]
        names = self.body.input_names
        steps = [dict(zip(names[count:], map(np.asarray, row))) for row in zip(*rows)]
        last, results = run_steps(self.body, dict(context or {}), names[:count], args[:count], steps)
        stacked = [np.moveaxis(np.stack(kept[::-1 if reverse else 1]), 0, axis) if kept else np.zeros(0) for kept, axis, reverse in zip(
            results, scan_output_axes or [0] * len(results), scan_output_directions or [0] * len(results))]
        return (*last, *stacked)


OPERATORS = [kind for kind in Repaired.__subclasses__()]
