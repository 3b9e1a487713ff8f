"use strict";
// The net and what makes a picture for it. A picture is an array of rows * columns numbers, row by row. The net is the
// nodes of its ONNX graph, in their order, and arrays by name: {shape, data}.

async function unpack(packed) {
  const bytes = Uint8Array.from(atob(packed.weights), (letter) => letter.charCodeAt(0));
  const inflated = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  const planes = new Uint8Array(await new Response(inflated).arrayBuffer()), count = planes.length / 2;
  let next = 0;
  const number = () => half(planes[next] | (planes[count + next++] << 8)); // low bytes, then high ones
  const arrays = packed.arrays.map(([name, shape, values, unit]) => {
    const data = values ?? Float32Array.from({ length: product(shape) }, () => number() * unit);
    return [name, { shape, data: Float32Array.from(data) }];
  });
  return { ...packed, arrays: Object.fromEntries(arrays) };
}

function half(bits) {
  const exponent = (bits >> 10) & 31, fraction = bits & 1023;
  const size = exponent ? 2 ** (exponent - 25) * (1024 + fraction) : 2 ** -24 * fraction;
  return bits & 32768 ? -size : size;
}

// A network of three channels sees what is drawn in red: in green and blue, there is nothing.
function probabilities(net, picture) {
  const shape = [1, net.channels, net.rows, net.columns], data = new Float32Array(product(shape));
  data.set(picture);
  const known = { ...net.arrays, pictures: { shape, data } };
  for (const [operation, inputs, output, attributes] of net.nodes) {
    known[output] = OPERATIONS[operation](attributes, ...inputs.map((name) => known[name]));
  }
  return Array.from(known.probabilities.data);
}

function product(shape) {
  return shape.reduce((size, side) => size * side, 1);
}

const ofEach = (f) => (_, { shape, data }) => ({ shape, data: data.map(f) });

// The second operand has one number for each of the first, for each of its maps, or for all.
const ofBoth = (f) => (_, { shape, data }, { data: other }) => {
  const step = data.length / other.length;
  return { shape, data: data.map((value, i) => f(value, other[Math.floor(i / step)])) };
};

const ofMaps = (f) => (_, { shape: [count, maps], data }) => {
  const area = data.length / maps, pixels = (map) => data.subarray(map * area, (map + 1) * area);
  return { shape: [count, maps, 1, 1], data: Float32Array.from({ length: maps }, (_, map) => f(pixels(map))) };
};

// As ONNX describes them, for one picture: the first side of every shape is 1.
const OPERATIONS = {
  Add: ofBoth((x, y) => x + y),
  Sub: ofBoth((x, y) => x - y),
  Mul: ofBoth((x, y) => x * y),
  Div: ofBoth((x, y) => x / y),
  Sum: (_, ...terms) => terms.reduce((sum, term) => OPERATIONS.Add({}, sum, term)),
  Relu: ofEach((x) => Math.max(x, 0)),
  Sigmoid: ofEach((x) => 1 / (1 + Math.exp(-x))),
  Tanh: ofEach(Math.tanh),
  Erf: ofEach(erf),
  GlobalAveragePool: ofMaps((pixels) => pixels.reduce((sum, pixel) => sum + pixel) / pixels.length),
  GlobalMaxPool: ofMaps((pixels) => pixels.reduce((most, pixel) => Math.max(most, pixel))),
  Flatten: (_, { data }) => ({ shape: [1, data.length], data }),

  Conv({ pads: [reach] = [0], group = 1 }, { shape: [, , rows, columns], data }, weight, bias) {
    const [filters, maps, kernel] = weight.shape, out = new Float32Array(filters * rows * columns);
    for (let filter = 0; filter < filters; filter++) {
      const first = Math.floor((filter * group) / filters) * maps; // of the maps that the filter's group reads
      const target = out.subarray(filter * rows * columns, (filter + 1) * rows * columns).fill(bias?.data[filter] ?? 0);
      for (let i = 0; i < maps * kernel * kernel; i++) {
        const map = first + Math.floor(i / (kernel * kernel)), share = weight.data[filter * maps * kernel * kernel + i];
        const down = (Math.floor(i / kernel) % kernel) - reach, right = (i % kernel) - reach;
        const begin = Math.max(0, -right), end = Math.min(columns, columns - right);
        for (let row = Math.max(0, -down); row < Math.min(rows, rows - down); row++) {
          const from = (map * rows + row + down) * columns + right, to = row * columns;
          for (let column = begin; column < end; column++) target[to + column] += share * data[from + column];
        }
      }
    }
    return { shape: [1, filters, rows, columns], data: out };
  },

  Gemm(_, { data }, { shape: [units, features], data: weight }, bias) {
    const sums = bias.data.map((sum, unit) => {
      for (let i = 0; i < features; i++) sum += weight[unit * features + i] * data[i];
      return sum;
    });
    return { shape: [1, units], data: sums };
  },

  BatchNormalization({ epsilon }, values, scale, shift, mean, variance) {
    const factors = scale.data.map((factor, map) => factor / Math.sqrt(variance.data[map] + epsilon));
    const shifts = shift.data.map((value, map) => value - mean.data[map] * factors[map]);
    return OPERATIONS.Add({}, OPERATIONS.Mul({}, values, { data: factors }), { data: shifts });
  },

  // A side is halved, rounded down: of three columns the pool reads two.
  MaxPool(_, { shape: [count, maps, rows, columns], data }) {
    const shape = [count, maps, rows >> 1, columns >> 1], [, , high, wide] = shape;
    const most = new Float32Array(product(shape)).map((_, i) => {
      const row = Math.floor(i / wide), from = Math.floor(row / high) * rows * columns + (row % high) * 2 * columns + (i % wide) * 2;
      return Math.max(data[from], data[from + 1], data[from + columns], data[from + columns + 1]);
    });
    return { shape, data: most };
  },

  Gather({ axis }, { shape, data }, { data: places }) {
    const gathered = shape.map((side, i) => (i === axis ? places.length : side)), inner = product(shape.slice(axis + 1));
    const taken = new Float32Array(product(gathered)).map((_, i) => {
      const block = Math.floor(i / inner), place = places[block % places.length];
      return data[(Math.floor(block / places.length) * shape[axis] + place) * inner + (i % inner)];
    });
    return { shape: gathered, data: taken };
  },

  Transpose({ perm }, { shape, data }) {
    const turned = perm.map((axis) => shape[axis]), steps = perm.map((axis) => product(shape.slice(axis + 1)));
    const moved = data.map((_, place) => {
      let from = 0;
      for (let axis = turned.length - 1; axis >= 0; axis--) {
        from += (place % turned[axis]) * steps[axis];
        place = Math.floor(place / turned[axis]);
      }
      return data[from];
    });
    return { shape: turned, data: moved };
  },

  Softmax(_, { shape, data }) {
    const highest = Math.max(...data), powers = data.map((score) => Math.exp(score - highest));
    const sum = powers.reduce((total, power) => total + power);
    return { shape, data: powers.map((power) => power / sum) };
  },
};

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
