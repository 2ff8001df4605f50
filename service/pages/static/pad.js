// A drawing pad over the fields of a picture: strokes of a pointer and of the keyboard write ink into the fields, which
// stay the form. Without this module the fields are there to be typed into.

const SOFT = 0.5; // ink of a stroke beside its middle
const REACH = 0.9; // pixels from the middle of a stroke to its end

class Pad {
  constructor(part) {
    this.inputs = [...part.querySelectorAll("input")];
    this.width = Number(part.dataset.width);
    this.top = Number(part.dataset.top);
    this.at = 0;
    this.surface = Object.assign(document.createElement("canvas"), { width: 320, height: 320, tabIndex: 0 });
    this.surface.setAttribute("role", "application");
    this.surface.setAttribute("aria-label", "Drawing pad. Arrow keys move, space draws, delete erases");
    this.said = Object.assign(document.createElement("p"), { className: "hint" });
    this.said.setAttribute("role", "status");
    const fields = Object.assign(document.createElement("details"), { className: "note" });
    fields.append(Object.assign(document.createElement("summary"), { textContent: "Pixels as numbers" }));
    fields.append(...part.childNodes);
    const clear = Object.assign(document.createElement("button"), { type: "button", textContent: "Clear" });
    clear.addEventListener("click", () => this.clear());
    part.append(this.surface, clear, this.said, fields);
    if (part.querySelector("[aria-invalid]")) fields.open = true;
    this.listen(part);
    this.draw();
  }

  listen(part) {
    const { surface } = this;
    surface.addEventListener("pointerdown", (event) => {
      surface.setPointerCapture(event.pointerId);
      this.stroke(event);
    });
    surface.addEventListener("pointermove", (event) => {
      if (!event.buttons) return;
      for (const one of event.getCoalescedEvents?.() ?? [event]) this.stroke(one);
    });
    surface.addEventListener("keydown", (event) => this.key(event));
    surface.addEventListener("focus", () => this.draw());
    surface.addEventListener("blur", () => this.draw());
    part.addEventListener("input", () => this.draw());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
  }

  value(place) {
    const number = Number(this.inputs[place].value);
    return Number.isFinite(number) ? Math.min(Math.max(number / this.top, 0), 1) : 0;
  }

  ink(place, share) {
    const value = share * this.top;
    this.inputs[place].value = this.top > 1 ? Math.round(value) : Number(value.toFixed(3));
  }

  stroke(event) {
    const box = this.surface.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.width - 0.5;
    const y = ((event.clientY - box.top) / box.height) * this.width - 0.5;
    this.inputs.forEach((_, place) => {
      const far = Math.hypot((place % this.width) - x, Math.floor(place / this.width) - y);
      const share = far < SOFT ? 1 : far < REACH ? SOFT : 0;
      if (share > this.value(place)) this.ink(place, share);
    });
    this.draw();
  }

  key(event) {
    const steps = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    if (steps[event.key]) {
      const [right, down] = steps[event.key];
      const last = this.width - 1;
      const column = Math.min(Math.max((this.at % this.width) + right, 0), last);
      const row = Math.min(Math.max(Math.floor(this.at / this.width) + down, 0), last);
      this.at = row * this.width + column;
    } else if (event.key === " ") this.ink(this.at, 1);
    else if (event.key === "Delete" || event.key === "Backspace") this.ink(this.at, 0);
    else return;
    event.preventDefault();
    const [row, column] = [Math.floor(this.at / this.width) + 1, (this.at % this.width) + 1];
    this.said.textContent = `Row ${row}, column ${column}: ${this.inputs[this.at].value}`;
    this.draw();
  }

  clear() {
    this.inputs.forEach((_, place) => this.ink(place, 0));
    this.said.textContent = "Cleared";
    this.draw();
  }

  draw() {
    const context = this.surface.getContext("2d");
    const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
    const size = this.surface.width / this.width;
    context.globalAlpha = 1;
    context.fillStyle = colour("--track");
    context.fillRect(0, 0, this.surface.width, this.surface.height);
    context.fillStyle = colour("--ink");
    this.inputs.forEach((_, place) => {
      context.globalAlpha = this.value(place);
      context.fillRect((place % this.width) * size, Math.floor(place / this.width) * size, size, size);
    });
    context.globalAlpha = 1;
    if (document.activeElement !== this.surface) return;
    context.strokeStyle = colour("--accent");
    context.lineWidth = 3;
    const [column, row] = [this.at % this.width, Math.floor(this.at / this.width)];
    context.strokeRect(column * size + 2, row * size + 2, size - 4, size - 4);
  }
}

function improve(part) {
  for (const one of part.querySelectorAll("[data-pad]")) new Pad(one);
}

improve(document);
document.addEventListener("formreplaced", (event) => improve(event.detail)); // by model.js
