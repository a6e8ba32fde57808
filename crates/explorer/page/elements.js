// Making elements. Text only ever becomes text: nothing here reads markup.
const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

const tableOf = ({ columns, rows }) => {
  const kind = (index) => (columns[index][1] === "right" ? { class: "number" } : {});
  // A heading without words is announced all the same.
  const head = columns.map(([name], index) => (name === "" ? element("td") : element("th", { scope: "col", ...kind(index) }, name)));
  const body = rows.map((row) => element("tr", {}, ...row.map((cell, index) => element("td", kind(index), cell))));
  const table = element("table", {}, element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
  return element("div", { class: "scroll", tabindex: 0 }, table);
};

const listOf = (sentences) => element("ul", {}, ...sentences.map((sentence) => element("li", {}, sentence)));

// An answer of the library: its table, what else belongs to it, and its doubts.
const partOf = ({ answer, table, remarks, doubts }, withAnswer) => [
  ...(withAnswer ? [element("p", {}, answer)] : []),
  tableOf(table),
  ...(remarks.length > 0 ? [listOf(remarks)] : []),
  ...(doubts.length > 0 ? [element("h3", {}, "Doubts"), listOf(doubts)] : []),
];

const save = (name, blob) => {
  const address = URL.createObjectURL(blob);
  const link = element("a", { href: address, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
};
