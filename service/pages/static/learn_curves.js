// Learning curves: loss by epoch on the training and the validation set.
import { sharp } from "./learn_surface.js";

const MARGIN = { left: 46, right: 10, top: 8, bottom: 24 };
const LINES = [["training", []], ["validation", [5, 4]]];

export function drawCurves(canvas, curve) {
  const context = sharp(canvas);
  const { width, height } = canvas.getBoundingClientRect();
  const style = getComputedStyle(canvas);
  const losses = curve.flatMap((one) => [one.training, one.validation]).filter((loss) => loss !== null);
  if (!losses.length) return;
  const [least, most] = [Math.min(0, ...losses), Math.max(...losses) * 1.05 || 1];
  const [first, last] = [curve[0].epoch, Math.max(curve[curve.length - 1].epoch, curve[0].epoch + 1)];
  const x = (epoch) => MARGIN.left + ((epoch - first) / (last - first)) * (width - MARGIN.left - MARGIN.right);
  const y = (loss) => MARGIN.top + ((most - loss) / (most - least)) * (height - MARGIN.top - MARGIN.bottom);
  context.font = "12px system-ui, sans-serif";
  context.fillStyle = context.strokeStyle = style.color;
  context.globalAlpha = 0.8;
  context.textAlign = "right";
  for (const tick of [least, (least + most) / 2, most]) context.fillText(tick.toPrecision(2), MARGIN.left - 6, y(tick) + 4);
  context.textAlign = "center";
  for (const tick of new Set([first, last])) context.fillText(String(tick), x(tick), height - 8);
  context.globalAlpha = 0.25;
  context.beginPath();
  context.moveTo(MARGIN.left, y(least));
  context.lineTo(width - MARGIN.right, y(least));
  context.stroke();
  context.globalAlpha = 1;
  for (const [part, dashes] of LINES) {
    context.beginPath();
    context.setLineDash(dashes);
    context.lineWidth = 2;
    context.strokeStyle = style.getPropertyValue(`--learn-${part}`);
    curve.forEach((one) => one[part] !== null && context.lineTo(x(one.epoch), y(one[part])));
    context.stroke();
  }
  context.setLineDash([]);
}
