// The playground: settings on one side, the network as the server sends it on the other. Nothing is computed here.
import { drawCurves } from "./learn_curves.js";
import { drawNetwork } from "./learn_network.js";
import { readEvents } from "./learn_stream.js";
import { drawSurface } from "./learn_surface.js";

const form = document.querySelector("#settings");
const element = (id) => document.getElementById(id);
const buttons = { play: element("play"), epoch: element("epoch"), step: element("step"), reset: element("reset") };

let state = null; // the last state from the server
let points = null; // the rows, constant during a training
let curve = []; // epoch and both losses of each state
let playing = null; // aborts the stream

function query(more = {}) {
  const given = new URLSearchParams();
  for (const field of form.elements) {
    if (!field.name) continue;
    if (field.value.trim() !== field.dataset.default) given.set(field.name, field.value.trim());
  }
  for (const [name, value] of Object.entries(more)) given.set(name, value);
  return given;
}

function show(next) {
  state = next;
  if (next.points) showPoints(next.points);
  const last = curve[curve.length - 1];
  if (!last || last.epoch < next.epoch) curve.push({ epoch: next.epoch, ...next.losses });
  element("at").textContent = `epoch ${next.epoch}, step ${next.step}`;
  for (const part of ["training", "validation"]) {
    element(`${part}-loss`).textContent = number(next.losses[part]);
    element(`${part}-accuracy`).textContent = percent(next.accuracies[part]);
  }
  drawSurface(element("surface"), next.surface, points);
  drawCurves(element("curves"), curve);
  drawNetwork(element("network"), next.layers, points.axes);
  element("diverged").hidden = !next.diverged;
  const address = query(next.step ? { steps: next.step } : {}).toString();
  history.replaceState(null, "", address ? `?${address}` : location.pathname);
  element("numbers").href = `/learn/numbers?${query({ steps: next.step })}`;
  document.dispatchEvent(new CustomEvent("learned", { detail: next }));
}

function showPoints(next) {
  points = next;
  element("axes").textContent = `x axis: ${next.axes[0]}; y axis: ${next.axes[1]}`;
  next.classes.forEach((name, i) => (element(`class-${i}`).textContent = name));
}

const number = (value) => (value === null ? "not finite" : value.toPrecision(3));
const percent = (share) => `${(100 * share).toFixed(1)} %`;

function say(text, isProblem = false) {
  element("said").textContent = text;
  element("said").classList.toggle("problem", isProblem);
}

async function complain(response) {
  pause();
  const problem = await response.json();
  for (const error of problem.errors ?? []) {
    const field = form.elements[error.path.replace(/^[?/]/, "")];
    if (!field) continue;
    field.setAttribute("aria-invalid", "true");
    element(`${field.name}-problem`).textContent = error.message;
  }
  const [first] = problem.errors ?? [];
  say(first ? `${first.path.replace(/^[?/]/, "")} ${first.message}` : problem.detail, true);
}

function forgive() {
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    element(`${field.name}-problem`).textContent = "";
  }
  say("");
}

async function go(step) {
  const response = await fetch(`/learn/state?${query({ steps: step })}`);
  if (!response.ok) return complain(response);
  show(await response.json());
}

async function play() {
  forgive();
  playing = new AbortController();
  buttons.play.textContent = "Pause";
  buttons.play.setAttribute("aria-pressed", "true");
  const { signal } = playing;
  try {
    const response = await fetch(`/learn/train?${query({ steps: state?.step ?? 0 })}`, { signal });
    if (!response.ok) return complain(response);
    for await (const event of readEvents(response.body)) {
      if (event.name === "epoch") show(JSON.parse(event.data));
      if (event.name === "end") say(JSON.parse(event.data).text);
    }
  } catch (error) {
    if (!signal.aborted) say("Connection to the service lost.", true);
  }
  if (!signal.aborted) pause();
}

function pause() {
  playing?.abort();
  playing = null;
  buttons.play.textContent = "Play";
  buttons.play.setAttribute("aria-pressed", "false");
}

function start(step) {
  pause();
  forgive();
  if (step === 0) curve = [];
  return go(step);
}

buttons.play.addEventListener("click", () => (playing ? pause() : play()));
buttons.step.addEventListener("click", () => start((state?.step ?? 0) + 1));
buttons.epoch.addEventListener("click", () => {
  const each = state?.steps_per_epoch ?? 1;
  return start((Math.floor((state?.step ?? 0) / each) + 1) * each);
});
buttons.reset.addEventListener("click", () => start(0));
form.addEventListener("change", () => start(0));
form.addEventListener("submit", (event) => event.preventDefault());
addEventListener("pagehide", pause);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => state && show(state));
start(Number(form.dataset.steps) || 0);
