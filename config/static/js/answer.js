/* The answer page works without this. It counts, shows and hides, and stops a second press; it never sends. */
"use strict";
(() => {
  const form = document.getElementById("a"), text = document.getElementById("c"), count = document.getElementById("n");
  if (!form) return;
  const field = (name) => form.elements.namedItem(name);
  const prompt = form.querySelector('label[for="c"]');
  let events = 0, began = 0, last = 0, sent = false;

  const bucket = () => {
    const chosen = form.querySelector("input[name=score]:checked");
    if (!chosen) return "";
    const score = Number(chosen.value);
    return score <= Number(form.dataset.low) ? "negative" : score >= Number(form.dataset.high) ? "positive" : "neutral";
  };
  const follow = () => {
    const now = bucket();
    prompt.textContent = (now && prompt.dataset[now]) || prompt.dataset.all;
    for (const part of form.querySelectorAll("[data-when]")) part.hidden = part.dataset.when !== "" && part.dataset.when !== now;
  };
  const tell = () => {
    count.hidden = false;
    count.textContent = `${text.value.length} / ${text.maxLength}`;
  };
  const report = () => {
    field("input_events").value = String(Math.min(events, 9999));
    field("typed_ms").value = String(Math.min(Math.round(last - began), 9999999));
  };

  for (const kind of ["pointerdown", "keydown", "touchstart"]) {
    document.addEventListener(kind, (event) => { if (event.isTrusted) { events += 1; report(); } }, { capture: true, passive: true });
  }
  text.addEventListener("input", (event) => {
    tell();
    if (!event.isTrusted) return;
    last = performance.now();
    began = began || last;
    report();
  });
  form.addEventListener("change", (event) => { if (event.target.name === "score") follow(); });
  form.addEventListener("submit", (event) => {
    if (sent) event.preventDefault();
    sent = true;
  });
  addEventListener("pageshow", () => { sent = false; tell(); follow(); report(); });
  const summary = document.getElementById("summary");
  if (summary) summary.focus();
})();
