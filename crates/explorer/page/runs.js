// The runs: which table they come from, which of them were left out by hand, and the list that shows it.
class RunList {
  constructor(own, { changed }) {
    this.own = own;
    this.changed = changed;
    this.body = document.getElementById("explore-list");
    this.use(own);
  }

  use(table) {
    this.table = table;
    this.without = new Set();
    this.kept = [];
  }

  get isOwn() {
    return this.table === this.own;
  }

  // What the library read.
  show({ kept, dropped, n_dropped: droppedCount, columns }) {
    this.kept = kept;
    this.without = new Set([...this.without].filter((run) => run < kept.length));
    document.getElementById("explore-read").textContent =
      `${this.table.name}: ${kept.length} runs, ${droppedCount} rows left out; columns: ${columns.slice(0, 40).join(", ")}`;
    const shown = dropped.map(({ run, why }) => element("li", {}, `${run}: ${why}`));
    if (droppedCount > dropped.length) shown.push(element("li", {}, `and ${droppedCount - dropped.length} more`));
    document.getElementById("explore-dropped").replaceChildren(...shown);
    document.getElementById("explore-back").hidden = this.isOwn;
    this.body.replaceChildren(...kept.map((row, run) => this.row(row, run)));
    this.mark();
  }

  row({ run: name, params, tokens, loss }, run) {
    const box = element("input", { type: "checkbox", "aria-label": `fit ${name}` });
    box.addEventListener("change", () => this.toggle(run));
    const number = (text) => element("td", { class: "number" }, text);
    return element("tr", {}, element("td", {}, box), element("td", {}, name), number(writeCount(params)), number(writeCount(tokens)), number(String(Number(loss.toPrecision(5)))));
  }

  mark() {
    [...this.body.rows].forEach((row, run) => {
      const out = this.without.has(run);
      row.classList.toggle("out", out);
      row.querySelector("input").checked = !out;
    });
    const all = document.getElementById("explore-all");
    all.hidden = this.without.size === 0;
    all.textContent = `Put ${this.without.size} back`;
  }

  toggle(run) {
    if (!this.without.delete(run)) this.without.add(run);
    this.mark();
    this.changed();
  }

  // The figures know only the runs that are fitted: the position among them becomes the one in the table.
  clicked(position) {
    const fitted = this.kept.map((_, run) => run).filter((run) => !this.without.has(run));
    if (position < fitted.length) this.toggle(fitted[position]);
  }

  putBack() {
    this.without.clear();
    this.mark();
    this.changed();
  }
}
