/* Tend: the only script of the product besides htmx. No inline handlers; every hook is a data attribute. */
(() => {
  const root = document.documentElement, $ = (s) => document.querySelector(s), all = (s) => [...document.querySelectorAll(s)];
  for (const key of ["theme", "density"]) if (localStorage.getItem(key)) root.dataset[key] = localStorage.getItem(key);

  const show = (id) => { const d = document.getElementById(id); if (d && !d.open) d.showModal(); return d; };
  const closeMenus = (except) => all("details.menu[open]").forEach((m) => { if (m !== except) m.open = false; });
  const isDark = () => root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;

  addEventListener("click", (e) => {
    const hit = (s) => e.target.closest?.(s), opener = hit("[data-open]");
    closeMenus(hit("details.menu"));
    if (hit("[data-theme-toggle]")) localStorage.setItem("theme", root.dataset.theme = isDark() ? "light" : "dark");
    if (opener && !e.ctrlKey && !e.metaKey && show(opener.dataset.open)) e.preventDefault(); // a link still works without its dialog
    if (hit("[data-close]") || e.target.tagName === "DIALOG") hit("dialog")?.close();
    if (hit("[data-dismiss]")) hit(hit("[data-dismiss]").dataset.dismiss)?.remove();
    if (hit("[data-retry]")) { const p = hit("[hx-get]"); htmx.ajax("GET", p.getAttribute("hx-get"), { source: p, target: p, swap: "outerHTML" }); }
    if (hit("[data-clear-selection]")) { all("[name=sel], [data-check-all]").forEach((c) => { c.checked = false; }); count(); }
  });

  const count = () => all("[data-selected]").forEach((o) => { o.textContent = all("[name=sel]:checked").length; });
  addEventListener("change", (e) => {
    if (e.target.matches("[data-check-all]")) e.target.closest("table").querySelectorAll("[name=sel]").forEach((c) => { c.checked = e.target.checked; });
    if (e.target.matches("[data-check-all], [name=sel]")) count();
    if (e.target.matches("[data-density]")) localStorage.setItem("density", root.dataset.density = e.target.value);
    if (e.target.matches("[data-submit]")) e.target.form.requestSubmit();
  });

  const step = (list, by) => list[Math.max(0, Math.min(list.length - 1, list.indexOf(document.activeElement.closest("tr, li")?.querySelector("[data-row]") ?? document.activeElement) + by))]?.focus();
  const inPalette = (e, palette) => {
    const hits = [...palette.querySelectorAll(".hit")];
    if (e.key === "ArrowUp" && document.activeElement === hits[0]) palette.querySelector("input").focus();
    else if (e.key === "ArrowDown" || e.key === "ArrowUp") step(hits, e.key === "ArrowDown" ? 1 : -1);
    else if (e.key === "Enter" && e.target.matches("input") && e.target.value && hits[0] && !palette.querySelector(".htmx-request")) hits[0].click();
    else return;
    e.preventDefault();
  };

  let g = -1e4; // time of the last "g": "g" then a letter jumps to the page marked data-key
  addEventListener("keydown", (e) => {
    const palette = e.target.closest?.("dialog.palette");
    if (palette) inPalette(e, palette);
    if (e.key === "Escape") closeMenus();
    if ((e.metaKey || e.ctrlKey) && e.key === "k") { e.preventDefault(); return show("palette") || $("[data-filter]")?.focus(); }
    if (e.metaKey || e.ctrlKey || e.altKey || e.target.matches("input, textarea, select") || $("dialog[open]")) return;
    if (e.key === "/") { e.preventDefault(); ($("[data-filter]") || { focus: () => show("palette") }).focus(); }
    else if (e.key === "?") show("keys");
    else if (e.key === "g") g = e.timeStamp;
    else if (e.timeStamp - g < 900) $(`[data-key="${CSS.escape(e.key)}"]`)?.click();
    else if (e.key === "j" || e.key === "k") step(all("[data-row]"), e.key === "j" ? 1 : -1);
    else if (e.key === "x") document.activeElement.closest("tr")?.querySelector("[name=sel]")?.click();
    else $(`[data-press="${CSS.escape(e.key)}"]`)?.click();
  });

  // htmx: a part that lands in a dialog opens it, a swap keeps the count of the selection, a failure says so
  addEventListener("htmx:afterSwap", (e) => { const d = e.target.closest?.("dialog"); if (d && !d.open && d.firstElementChild && !d.matches(".palette")) d.showModal(); count(); });
  const failed = (e) => {
    const panel = e.detail.target?.querySelector?.("[data-panel]"), note = $(panel ? "#panel-failed" : "#request-failed");
    if (panel) { panel.replaceChildren(note.content.cloneNode(true)); panel.parentElement.removeAttribute("aria-busy"); }
    else if (note) $("#toasts").append(note.content.cloneNode(true));
  };
  addEventListener("DOMContentLoaded", () => { all(".tabs [aria-current]").forEach((a) => { a.parentElement.scrollLeft = a.offsetLeft - 48; }); if (!$("main [autofocus]")) $("main [aria-invalid=true]")?.focus(); }); // a refused form shows its first wrong field
  addEventListener("htmx:responseError", failed);
  addEventListener("htmx:sendError", failed);
})();
