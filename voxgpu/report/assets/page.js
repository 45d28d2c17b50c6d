"use strict";
// Sliders and boxes of legends, sorting of tables, and folded parts that open to be printed.
(() => {
  for (const input of document.querySelectorAll(".legend input")) {
    const image = input.closest("article");
    const apply = () => {
      if (input.type === "range") {
        image.style.setProperty("--fill", input.value / 100);
      } else {
        for (const each of image.querySelectorAll(`.layer.${input.dataset.layer}`)) {
          each.hidden = !input.checked;
          each.style.display = input.checked ? "" : "none";
        }
      }
    };
    input.addEventListener("input", apply);
    apply();
  }

  const units = { ms: 1e-3, s: 1, min: 60 };
  const keyOf = (cell) => {
    const text = (cell.dataset.value ?? cell.textContent).trim();
    const timed = /^([\d.]+) (ms|s|min)/.exec(text);
    if (timed) return Number(timed[1]) * units[timed[2]];
    const number = Number(text.replaceAll(",", ""));
    return text !== "" && !Number.isNaN(number) ? number : text;
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    if (typeof a === "number") return -1;
    if (typeof b === "number") return 1;
    return a.localeCompare(b, undefined, { numeric: true });
  };
  for (const table of document.querySelectorAll("table.sortable")) {
    [...table.tHead.rows[0].cells].forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        for (const each of table.tHead.rows[0].cells) each.removeAttribute("aria-sort");
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = [...body.rows].map((row) => [keyOf(row.cells[column]), row]);
        rows.sort((a, b) => {
          // Empty cells are last, whichever way.
          if (a[0] === "" || b[0] === "") return (a[0] === "") - (b[0] === "");
          return down ? compare(b[0], a[0]) : compare(a[0], b[0]);
        });
        body.append(...rows.map((each) => each[1]));
      });
    });
  }

  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open])")];
    for (const each of opened) each.open = true;
  });
  window.addEventListener("afterprint", () => {
    for (const each of opened) each.open = false;
  });
})();
