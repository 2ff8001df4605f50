// The network as SVG: a line for each weight, its width the absolute weight.
const SVG = "http://www.w3.org/2000/svg";
const MAX_UNITS = 12; // per layer; more would be a grey block
const [WIDTH, HEIGHT, RADIUS] = [640, 300, 9];

export function drawNetwork(svg, layers, inputs) {
  const widths = [layers[0].weights.length, ...layers.map((layer) => layer.biases.length)];
  const shown = widths.map((width) => Math.min(width, MAX_UNITS));
  const x = (layer) => 70 + (layer / (widths.length - 1)) * (WIDTH - 140);
  const y = (layer, unit) => (HEIGHT * (unit + 1)) / (shown[layer] + 1);
  const largest = Math.max(...layers.flatMap((layer) => layer.weights.flat().map(Math.abs)), 1e-9);
  const lines = layers.flatMap((layer, i) =>
    layer.weights.slice(0, shown[i]).flatMap((row, from) =>
      row.slice(0, shown[i + 1]).map((weight, to) => {
        const size = Number.isFinite(weight) ? Math.abs(weight) / largest : 0;
        return made("line", {
          x1: x(i) + RADIUS, y1: y(i, from), x2: x(i + 1) - RADIUS, y2: y(i + 1, to),
          "stroke-width": (0.3 + 5 * size).toFixed(2), class: weight < 0 ? "weight negative" : "weight positive",
        });
      }),
    ),
  );
  const units = shown.flatMap((n_units, layer) =>
    Array.from({ length: n_units }, (_, unit) => made("circle", { cx: x(layer), cy: y(layer, unit), r: RADIUS, class: "unit" })),
  );
  const words = inputs.map((name, unit) => text(name, x(0) - RADIUS - 6, y(0, unit) + 4, "end"));
  words.push(text("output", x(widths.length - 1) + RADIUS + 6, y(widths.length - 1, 0) + 4, "start"));
  widths.forEach((width, layer) => {
    if (width > MAX_UNITS) words.push(text(`+${width - MAX_UNITS}`, x(layer), HEIGHT - 4, "middle"));
  });
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.replaceChildren(...lines, ...units, ...words);
}

function text(content, x, y, anchor) {
  const label = made("text", { x, y, "text-anchor": anchor });
  label.textContent = content.length > 9 && anchor === "end" ? `${content.slice(0, 8)}…` : content;
  return label;
}

function made(name, attributes) {
  const one = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
  return one;
}
