"use strict";
// The table of a cohort: sorted by any column, filtered by text, status and range.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const table = document.getElementById("rows");
  const heads = [...table.tHead.rows[0].cells];
  const status = data.columns.indexOf("status") + 1;
  const FIRST = 200;
  let sorted = { column: 0, down: false };
  let isAll = false;

  const numberOf = (value) => {
    if (typeof value === "number") return value;
    if (typeof value !== "string" || value.trim() === "") return NaN;
    if (value === "inf") return Infinity;
    return value === "-inf" ? -Infinity : Number(value);
  };
  const input = (id) => document.getElementById(id);
  const texts = data.rows.map((row) => row.slice(1).join("\n").toLowerCase());

  const chosen = () => {
    const words = input("search").value.toLowerCase();
    const wanted = input("status").value;
    const column = Number(input("column").value);
    const least = input("least").value === "" ? -Infinity : Number(input("least").value);
    const most = input("most").value === "" ? Infinity : Number(input("most").value);
    let found = data.rows.map((row, place) => [row, place]).filter(([row, place]) => {
      if (words && !texts[place].includes(words)) return false;
      if (wanted && row[status] !== wanted) return false;
      if (!column || (least === -Infinity && most === Infinity)) return true;
      const value = numberOf(row[column]);
      return value >= least && value <= most;
    });
    const at = sorted.column;
    if (at) {
      const sign = sorted.down ? -1 : 1;
      found.sort(([a, i], [b, j]) => {
        const x = a[at], y = b[at];
        // Empty cells are last, whichever way.
        if (x === "" || y === "") return (x === "") - (y === "") || i - j;
        const m = numberOf(x), n = numberOf(y);
        if (!Number.isNaN(m) && !Number.isNaN(n)) return sign * (m - n) || i - j;
        if (Number.isNaN(m) !== Number.isNaN(n)) return Number.isNaN(m) ? 1 : -1;
        return sign * String(x).localeCompare(String(y), undefined, { numeric: true }) || i - j;
      });
    }
    return found.map(([row]) => row);
  };

  const cellOf = (value, column) => {
    const cell = document.createElement("td");
    if (!column) {
      if (value) {
        const image = document.createElement("img");
        [image.src, image.alt] = value;
        image.title = value[1];
        image.loading = "lazy";
        cell.append(image);
      }
      return cell;
    }
    cell.textContent = typeof value === "number" ? String(Number(value.toPrecision(8))) : value;
    if (typeof value === "number") cell.className = "number";
    return cell;
  };

  const show = () => {
    const rows = chosen();
    const shown = isAll ? rows : rows.slice(0, FIRST);
    const body = document.createElement("tbody");
    for (const row of shown) {
      const line = document.createElement("tr");
      if (row[status] !== "done") line.className = "error";
      line.append(...row.map(cellOf));
      body.append(line);
    }
    table.tBodies[0].replaceWith(body);
    const more = rows.length > shown.length ? `, the first ${shown.length} are shown` : "";
    input("count").textContent = `${rows.length} of ${data.rows.length} rows${more}`;
    input("more").hidden = rows.length <= shown.length;
  };

  heads.forEach((head, column) => {
    if (!column) {
      head.setAttribute("aria-label", "picture");
      return;
    }
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      sorted = { column, down: sorted.column === column && !sorted.down };
      for (const each of heads) each.removeAttribute("aria-sort");
      head.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      show();
    });
  });
  for (const id of ["search", "status", "column", "least", "most"]) {
    input(id).addEventListener("input", show);
  }
  input("more").addEventListener("click", () => {
    isAll = true;
    show();
  });
  window.addEventListener("beforeprint", () => {
    isAll = true;
    show();
  });
  show();
})();
