// Scoring without a page load: the form is submitted by fetch, and its part of the response page replaces this one. On
// any failure the browser submits the form itself.

const TRYING = "#trying";

async function send(form, submitter) {
  const data = new URLSearchParams(new FormData(form, submitter));
  const response = await fetch(form.action, { method: "POST", body: data, headers: { Accept: "text/html" } });
  if (response.redirected) {
    location.assign(response.url); // signed out
    return;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector(TRYING);
  if (!fresh) throw new Error("no form in the answer");
  document.querySelector(TRYING).replaceWith(fresh);
  improve(fresh);
  document.dispatchEvent(new CustomEvent("formreplaced", { detail: fresh }));
  const target = fresh.querySelector("[data-focus]") ?? fresh.querySelector("fieldset:last-of-type input");
  target?.focus();
  target?.scrollIntoView({ block: "start" });
}

function improve(part) {
  const form = part.querySelector("#try-form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const { submitter } = event;
    part.setAttribute("aria-busy", "true");
    send(form, submitter).catch(() => {
      if (submitter?.name) form.append(hidden(submitter.name, submitter.value)); // submit() leaves the button out
      form.submit();
    });
  });
  if (!navigator.clipboard) return;
  for (const code of part.querySelectorAll("#curl, [data-copy]")) code.after(copyButton(code));
}

function hidden(name, value) {
  return Object.assign(document.createElement("input"), { type: "hidden", name, value });
}

function copyButton(code) {
  const button = Object.assign(document.createElement("button"), { type: "button", textContent: "Copy" });
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(code.textContent);
    button.textContent = "Copied";
  });
  return button;
}

const part = document.querySelector(TRYING);
if (part) {
  improve(part);
  part.querySelector("[data-focus]")?.focus();
}
