// Numbers as people write them, for the places of sliders; what a field means is the library's to say.
const SUFFIXES = { k: 1e3, m: 1e6, b: 1e9, t: 1e12 };

const readQuantity = (text) => {
  const found = /^\s*\$?\s*([0-9.]+(?:e[+-]?[0-9]+)?)\s*([kmbt%]?)\s*$/i.exec(text);
  if (!found) return NaN;
  const suffix = found[2].toLowerCase();
  return Number(found[1]) * (suffix === "%" ? 0.01 : SUFFIXES[suffix] ?? 1);
};

const writeCount = (value) => {
  for (const [suffix, scale] of [["T", 1e12], ["B", 1e9], ["M", 1e6], ["k", 1e3]]) {
    if (value >= scale && value < 1e15) return `${Number((value / scale).toPrecision(3))}${suffix}`;
  }
  return String(Number(value.toPrecision(3)));
};

const writeCompute = (value) => value.toExponential(1).replace("e+", "e").replace(".0e", "e");

const writePlain = (value) => String(Number(value.toPrecision(3)));

// A number as a field shows it, every digit kept.
const writeExact = (value) => String(value).replace("e+", "e");
