"use strict";
// The net and what makes a picture for it. A picture is an array of rows * columns numbers, row by row; what a layer
// puts out, of maps * rows * columns. The sizes of all layers, and their weights, are in what `unpack` returns.

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.weights), (letter) => letter.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(inflated).arrayBuffer());
  const count = planes.length / 2, weights = new Float32Array(count);
  for (let i = 0; i < count; i++) weights[i] = half(planes[i] | (planes[count + i] << 8)); // low bytes, then high ones
  let start = 0;
  const layers = packed.layers.map((layer) => {
    if (!layer.count) return layer;
    start += layer.count;
    return { ...layer, weights: weights.subarray(start - layer.count, start).map((weight) => weight * layer.unit) };
  });
  return { ...packed, layers };
}

function half(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const size = exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
  return bits & 32768 ? -size : size;
}

// A network of three channels sees what is drawn in red: of green and blue, behind the picture's last pixel, there is
// nothing.
function probabilities(net, picture) {
  const area = net.rows * net.columns;
  const input = Float32Array.from({ length: net.mean.length * area }, (_, i) => {
    const channel = Math.floor(i / area);
    return ((picture[i] ?? 0) - net.mean[channel]) / net.std[channel];
  });
  const views = net.views.map(([down, right, weight]) => [moved(net, input, down, right), weight]);
  return softmax(logits(net.layers, views));
}

function softmax(scores) {
  const highest = Math.max(...scores), powers = Array.from(scores, (score) => Math.exp(score - highest));
  const sum = powers.reduce((total, power) => total + power);
  return powers.map((power) => power / sum);
}

// The weighted sum of what a network says of each view.
function logits(layers, views) {
  const each = views.map(([input, weight]) =>
    layers.reduce((values, layer) => LAYERS[layer.kind](values, layer), input).map((logit) => logit * weight));
  return each.reduce((sum, view) => sum.map((logit, i) => logit + view[i]));
}

// The input moved by some pixels; what moves in repeats the pixels at the edge.
function moved(net, input, down, right) {
  const area = net.rows * net.columns, inside = (place, size) => Math.min(Math.max(place, 0), size - 1);
  return input.map((_, i) => {
    const row = Math.floor((i % area) / net.columns), column = i % net.columns;
    return input[i - (i % area) + inside(row - down, net.rows) * net.columns + inside(column - right, net.columns)];
  });
}

const LAYERS = {
  convolution(values, { inputs: [maps, rows, columns], outputs: [filters], kernel, weights, bias }) {
    const out = new Float32Array(filters * rows * columns), reach = kernel >> 1;
    for (let filter = 0; filter < filters; filter++) {
      const target = out.subarray(filter * rows * columns, (filter + 1) * rows * columns).fill(bias[filter]);
      for (let map = 0; map < maps; map++) {
        for (let y = 0; y < kernel; y++) {
          for (let x = 0; x < kernel; x++) {
            const weight = weights[((filter * maps + map) * kernel + y) * kernel + x];
            const down = y - reach, right = x - reach;
            const first = Math.max(0, -right), last = Math.min(columns, columns - right);
            for (let row = Math.max(0, -down); row < Math.min(rows, rows - down); row++) {
              const from = (map * rows + row + down) * columns + right, to = row * columns;
              for (let column = first; column < last; column++) target[to + column] += weight * values[from + column];
            }
          }
        }
      }
    }
    return out;
  },

  linear(values, { inputs: [features], outputs: [units], weights, bias }) {
    return Float32Array.from({ length: units }, (_, unit) => {
      let sum = bias[unit];
      for (let i = 0; i < features; i++) sum += weights[unit * features + i] * values[i];
      return sum;
    });
  },

  // Batch normalisation at rest, where no layer before it could take it up.
  scale(values, { factors, shifts }) {
    const area = values.length / factors.length;
    return values.map((value, i) => value * factors[Math.floor(i / area)] + shifts[Math.floor(i / area)]);
  },

  // A dimension is halved, rounded down, or left alone: of three columns the pool reads two, as PyTorch's does.
  pool(values, { inputs: [maps, rows, columns], outputs: [newMaps, newRows, newColumns] }) {
    const mapStep = maps === newMaps ? 1 : 2, columnStep = columns === newColumns ? 1 : 2;
    const out = new Float32Array(newMaps * newRows * newColumns).fill(-Infinity);
    for (let map = 0; map < newMaps * mapStep; map++) {
      for (let row = 0; row < newRows * 2; row++) {
        for (let column = 0; column < newColumns * columnStep; column++) {
          const to = (Math.floor(map / mapStep) * newRows + (row >> 1)) * newColumns + Math.floor(column / columnStep);
          out[to] = Math.max(out[to], values[(map * rows + row) * columns + column]);
        }
      }
    }
    return out;
  },

  final_pool(values, { inputs: [maps], pool }) {
    const area = values.length / maps;
    return Float32Array.from({ length: maps }, (_, map) => PIXEL_POOLS[pool](values.subarray(map * area, (map + 1) * area)));
  },

  activation(values, { name }) {
    return values.map(ACTIVATIONS[name]);
  },
};

const PIXEL_POOLS = {
  mean: (pixels) => pixels.reduce((sum, pixel) => sum + pixel) / pixels.length,
  max: (pixels) => pixels.reduce((most, pixel) => Math.max(most, pixel)),
};

const ACTIVATIONS = {
  relu: (x) => Math.max(x, 0),
  sigmoid,
  tanh: Math.tanh,
  gelu: (x) => (x / 2) * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x * sigmoid(x),
};

function sigmoid(x) {
  return 1 / (1 + Math.exp(-x));
}

// Abramowitz and Stegun, 7.1.26: off by 1.5e-7 at most.
function erf(x) {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const sum = t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
  return Math.sign(x) * (1 - sum * Math.exp(-x * x));
}

// The picture as the net sees it; null where nothing is on it.
function prepared(net, grey, rows, columns) {
  if (net.preparation !== "picture") return prepare(grey, rows, columns, net.preparation === "digit");
  return grey.some((pixel) => pixel) ? fit(grey, rows, columns, net.rows, net.columns) : null;
}

// A picture scaled to `height` rows and `width` columns, whole and in the middle; as `fit` in net.py.
function fit(grey, rows, columns, height, width) {
  const scale = Math.min(height / rows, width / columns);
  const [high, wide] = [rows, columns].map((side) => Math.max(1, Math.floor(side * scale + 0.5)));
  const top = (height - high) >> 1, left = (width - wide) >> 1, across = shares(columns, wide);
  const picture = new Float32Array(height * width);
  shares(rows, high).forEach((column, y) => across.forEach((row, x) => {
    const sum = (from) => row.reduce((total, [at, share]) => total + share * grey[from + at], 0);
    const value = column.reduce((total, [at, share]) => total + share * sum(at * columns), 0);
    picture[(top + y) * width + left + x] = value;
  }));
  return picture;
}

// A drawing as the net sees it, 28 x 28, 0 is paper and 255 ink; null where there is nothing on it. It does what
// `prepare` in net.py does, where it is explained.
function prepare(grey, rows, columns, digit) {
  const border = [];
  for (let x = 0; x < columns; x++) border.push(grey[x], grey[(rows - 1) * columns + x]);
  for (let y = 0; y < rows; y++) border.push(grey[y * columns], grey[(y + 1) * columns - 1]);
  const paper = median(border), noise = median(border.map((pixel) => Math.abs(pixel - paper)));
  let darkest = Infinity, lightest = -Infinity;
  for (const pixel of grey) {
    darkest = Math.min(darkest, pixel);
    lightest = Math.max(lightest, pixel);
  }
  const sign = lightest - paper > paper - darkest ? 1 : -1;
  const ink = new Float64Array(grey).map((pixel) => Math.max(sign * (pixel - paper) - 4 * noise, 0));
  const peak = ink.reduce((most, value) => Math.max(most, value), 0);
  if (peak < FAINTEST) return null;
  if (Math.max(rows, columns) > 28) ink.forEach((value, i) => { if (value < peak / 10) ink[i] = 0; });
  let box = { top: 0, bottom: rows, left: 0, right: columns };
  if (digit) {
    box = { top: rows, bottom: 0, left: columns, right: 0 };
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        if (!ink[y * columns + x]) continue;
        box.top = Math.min(box.top, y);
        box.bottom = Math.max(box.bottom, y + 1);
        box.left = Math.min(box.left, x);
        box.right = Math.max(box.right, x + 1);
      }
    }
  }
  const height = box.bottom - box.top, width = box.right - box.left;
  const scale = (digit ? 20 : 28) / Math.max(height, width);
  const high = Math.max(1, Math.floor(height * scale + 0.5)), wide = Math.max(1, Math.floor(width * scale + 0.5));
  const across = shares(width, wide), along = shares(height, high);
  const narrow = Array.from({ length: height }, (_, y) => {
    const from = (box.top + y) * columns + box.left;
    return across.map((row) => row.reduce((sum, [x, share]) => sum + share * ink[from + x], 0));
  });
  const small = along.map((row) => across.map((_, x) => row.reduce((sum, [y, share]) => sum + share * narrow[y][x], 0)));
  const most = Math.max(...small.flat());
  const centre = (masses) =>
    masses.reduce((sum, mass, i) => sum + i * mass, 0) / masses.reduce((sum, mass) => sum + mass, 0);
  const place = (masses) => {
    const free = 28 - masses.length;
    return digit ? Math.min(Math.max(Math.trunc(14.5 - centre(masses)), 0), free) : free >> 1;
  };
  const top = place(small.map((row) => row.reduce((sum, value) => sum + value, 0)));
  const left = place(across.map((_, x) => small.reduce((sum, row) => sum + row[x], 0)));
  const picture = new Float32Array(28 * 28);
  small.forEach((row, y) => row.forEach((value, x) => { picture[(top + y) * 28 + left + x] = (value * 255) / most; }));
  return picture;
}

const FAINTEST = 16;

// Of each of `into` pixels: [place, share] of those of `pixels` in a row that count in it.
function shares(pixels, into) {
  const width = Math.max(1, pixels / into);
  return Array.from({ length: into }, (_, i) => {
    const centre = ((i + 0.5) * pixels) / into, covered = [];
    for (let j = Math.max(0, Math.floor(centre - width / 2)); j < Math.min(pixels, centre + width / 2); j++) {
      covered.push([j, Math.max(0, Math.min(centre + width / 2, j + 1) - Math.max(centre - width / 2, j))]);
    }
    const sum = covered.reduce((total, [, share]) => total + share, 0);
    return covered.map(([j, share]) => [j, share / sum]);
  });
}

function median(values) {
  const sorted = Float64Array.from(values).sort(), half = sorted.length >> 1;
  return sorted.length % 2 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
