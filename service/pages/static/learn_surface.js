// The decision boundary: probability over the plane, with the rows of both sets.
const POINT = 3.5;

export function drawSurface(canvas, surface, points) {
  const context = sharp(canvas);
  const { width, height } = canvas.getBoundingClientRect();
  const style = getComputedStyle(canvas);
  const [low, high] = [colour(style, "--learn-low"), colour(style, "--learn-high")];
  const [left, right] = [surface.x[0], surface.x[surface.x.length - 1]];
  const [bottom, top] = [surface.y[0], surface.y[surface.y.length - 1]];
  context.imageSmoothingEnabled = true;
  context.drawImage(picture(surface.probabilities, low, high), 0, 0, width, height);
  const place = ([x, y]) => [((x - left) / (right - left)) * width, ((top - y) / (top - bottom)) * height];
  for (const [part, isFilled] of [["validation", false], ["training", true]]) {
    const { rows, labels } = points[part];
    rows.forEach((row, i) => {
      const [x, y] = place(row);
      context.beginPath();
      context.arc(x, y, POINT, 0, 2 * Math.PI);
      context.lineWidth = isFilled ? 1 : 2;
      context.strokeStyle = isFilled ? style.getPropertyValue("--learn-edge") : rgb(labels[i] ? high : low, 0.6);
      context.fillStyle = isFilled ? rgb(labels[i] ? high : low, 0.6) : "transparent";
      context.fill();
      context.stroke();
    });
  }
}

// One pixel per grid point; the canvas interpolates.
function picture(probabilities, low, high) {
  const [n_rows, n_columns] = [probabilities.length, probabilities[0].length];
  const small = new OffscreenCanvas(n_columns, n_rows);
  const context = small.getContext("2d");
  const pixels = context.createImageData(n_columns, n_rows);
  probabilities.forEach((row, i) => {
    row.forEach((probability, j) => {
      const at = 4 * ((n_rows - 1 - i) * n_columns + j); // the first row of the surface is the lowest
      const share = probability ?? 0.5;
      for (let k = 0; k < 3; k++) pixels.data[at + k] = low[k] + share * (high[k] - low[k]);
      pixels.data[at + 3] = 255 * (0.25 + 1.2 * Math.abs(share - 0.5));
    });
  });
  context.putImageData(pixels, 0, 0);
  return small;
}

// Scales a canvas to device pixels; lines are blurred otherwise.
export function sharp(canvas) {
  const ratio = devicePixelRatio || 1;
  const { width, height } = canvas.getBoundingClientRect();
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  const context = canvas.getContext("2d");
  context.scale(ratio, ratio);
  context.clearRect(0, 0, width, height);
  return context;
}

const colour = (style, name) => style.getPropertyValue(name).trim().split(/\s+/).map(Number);
const rgb = (parts, darker = 1) => `rgb(${parts.map((part) => Math.round(part * darker)).join(" ")})`;
