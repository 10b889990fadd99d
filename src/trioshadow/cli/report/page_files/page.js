"use strict";
// The page is whole without this: it filters, sorts, and answers keys. It makes no HTML of any text.
(() => {
  const byId = (id) => document.getElementById(id);
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];
  const filter = byId("filter"), state = byId("state"), found = byId("found"), list = byId("list");
  const items = all("tbody tr[data-state], figure[data-state], details[data-state]");
  document.querySelector(".tools").hidden = false;

  // ── filter ──
  const texts = new Map(); // of 10,000 differences it is 12 MB: made when it is first asked for
  const textOf = (item) => {
    if (!texts.has(item)) texts.set(item, item.textContent.toLowerCase());
    return texts.get(item);
  };
  const apply = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const wanted = state.value;
    let shown = 0;
    for (const item of items) {
      const inside = (!wanted || item.dataset.state === wanted || item.tagName === "FIGURE")
        && (!words.length || words.every((word) => textOf(item).includes(word)));
      item.toggleAttribute("data-out", !inside);
      shown += inside && item.tagName === "DETAILS" ? 1 : 0;
    }
    const total = list ? list.children.length : 0;
    found.textContent = words.length || wanted ? `${shown.toLocaleString("en")} of ${total.toLocaleString("en")} differences` : "";
  };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(apply, 80); };
  filter.addEventListener("input", soon);
  state.addEventListener("change", apply);
  if (filter.value || state.value) apply(); // a browser that went back remembers them

  // ── sort ──
  const valueOf = (row, column, kind) => {
    const cell = row.cells[column];
    return kind === "number" ? Number(cell.dataset.value) : cell.textContent.trim().toLowerCase();
  };
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  for (const button of all(".sortable thead button")) {
    button.addEventListener("click", () => {
      const head = button.closest("th"), table = head.closest("table"), body = table.tBodies[0];
      const kind = button.dataset.sort, first = kind === "number" ? "descending" : "ascending";
      const second = kind === "number" ? "ascending" : "descending";
      const way = head.getAttribute("aria-sort") === first ? second : first;
      for (const other of head.parentNode.cells) other.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", way);
      const sign = way === "ascending" ? 1 : -1;
      const rows = [...body.rows].map((row) => [valueOf(row, head.cellIndex, kind), row]);
      rows.sort((a, b) => sign * compare(a[0], b[0]));
      body.append(...rows.map((pair) => pair[1]));
    });
  }
  const order = byId("order");
  if (order) {
    const keys = {
      calls: (one) => Number(one.dataset.explained) * 1e15 - Number(one.dataset.calls),
      last: (one) => -Number(one.dataset.last),
      operation: (one) => one.querySelector(".operation").textContent,
    };
    order.addEventListener("change", () => {
      const rows = [...list.children].map((one) => [keys[order.value](one), one]);
      rows.sort((a, b) => compare(a[0], b[0]));
      list.append(...rows.map((pair) => pair[1]));
    });
  }

  // ── open, print, theme ──
  const inside = () => all("#list > details:not([data-out])");
  const opener = byId("open");
  opener.addEventListener("click", () => {
    const open = opener.textContent === "Open all", ones = inside();
    opener.textContent = open ? "Close all" : "Open all";
    for (const one of ones) one.open = open;
  });
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = all("details:not([open], .whole)").filter((one) => !one.closest("[data-out]")); // bodies are too long for paper
    for (const one of closed) one.open = true;
  });
  addEventListener("afterprint", () => { for (const one of closed) one.open = false; });
  byId("theme").addEventListener("click", () => {
    const root = document.documentElement;
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
  });

  // ── keys ──
  const step = (way) => {
    const ones = inside();
    if (!ones.length) return;
    const here = document.activeElement.closest("#list > details");
    const at = ones.indexOf(here);
    const next = at < 0 ? (way > 0 ? 0 : ones.length - 1) : Math.min(ones.length - 1, Math.max(0, at + way));
    ones[next].querySelector("summary").focus();
  };
  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const typing = event.target.closest("input, select, textarea");
    if (event.key === "Escape" && (typing || filter.value || state.value)) {
      filter.value = "";
      state.value = "";
      apply();
      if (typing) typing.blur();
    } else if (typing) {
      return;
    } else if (event.key === "/") {
      filter.focus();
      event.preventDefault();
    } else if (event.key === "j") step(1);
    else if (event.key === "k") step(-1);
  });
})();
