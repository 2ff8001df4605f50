// A lesson's tasks: each is done when the state meets its condition.
const form = document.querySelector("#settings");
const value = (name) => form.elements[name].value;
const { training, validation } = { training: (s) => s.losses.training, validation: (s) => s.losses.validation };

const signs = {
  slow: (s) => s.epoch >= 40 && Number(value("learning_rate")) <= 0.003 && training(s) > 0.6,
  learned: (s) => training(s) !== null && training(s) < 0.1,
  jumping: (s) => s.epoch >= 5 && Number(value("learning_rate")) >= 10 && (training(s) === null || training(s) > 0.7),
  overfitted: (s) => s.is_finished && Number(value("n_rows")) <= 60 && validation(s) > 2 * training(s),
  many_rows: (s) => s.epoch >= 50 && Number(value("n_rows")) >= 300,
  held_back: (s) =>
    s.is_finished && Number(value("n_rows")) <= 60 && Number(value("weight_decay")) > 0 && validation(s) - training(s) < 1 / 3,
  chance: (s) => s.epoch >= 20 && value("normalise") === "false" && s.accuracies.training < 0.6,
  numbers: () => sessionStorage.getItem("numbers-seen") === "yes",
  better_than_chance: (s) => value("normalise") === "true" && training(s) < 0.64,
};

document.querySelector("#numbers").addEventListener("click", () => sessionStorage.setItem("numbers-seen", "yes"));
document.addEventListener("learned", ({ detail }) => {
  for (const task of document.querySelectorAll("[data-done-when]:not(.done)")) {
    if (!signs[task.dataset.doneWhen](detail)) continue;
    task.classList.add("done");
    task.querySelector(".state").setAttribute("aria-label", "done");
  }
  document.querySelector("#moral").hidden = Boolean(document.querySelector("[data-done-when]:not(.done)"));
});
