// The figure that is shown: tabs, clicks on its runs, and files of it. The library draws; its SVG is parsed as XML.
const FIGURES = [
  ["forecast", "Forecast"],
  ["valleys", "Valleys"],
  ["contour", "Contour"],
  ["ratios", "Tokens per parameter"],
  ["panels", "Panels"],
  ["residuals", "Residuals"],
  ["exponents", "Exponents"],
];
// Those that show what is planned.
const PLANNED = new Set(["forecast", "contour", "ratios"]);
// A panel narrower than this, pixels, gets the figure for telephones.
const NARROW = 560;

class Drawing {
  constructor(place, tabs, { chosen, clicked }) {
    this.place = place;
    this.kind = FIGURES[0][0];
    this.buttons = FIGURES.map(([kind, name]) => {
      const tab = element("button", { type: "button", role: "tab", id: `explore-tab-${kind}`, "aria-controls": place.id }, name);
      tab.addEventListener("click", () => { this.choose(kind); chosen(); });
      return tab;
    });
    tabs.replaceChildren(...this.buttons);
    tabs.addEventListener("keydown", (event) => {
      const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (by === undefined) return;
      const at = FIGURES.findIndex(([kind]) => kind === this.kind);
      this.choose(FIGURES[(at + by + FIGURES.length) % FIGURES.length][0]);
      this.buttons.find((tab) => tab.tabIndex === 0).focus();
      chosen();
    });
    place.addEventListener("click", (event) => {
      const run = event.target.closest("[data-run]");
      if (run !== null) clicked(Number(run.dataset.run));
    });
    this.choose(this.kind);
  }

  choose(kind) {
    if (!FIGURES.some(([known]) => known === kind)) return;
    this.kind = kind;
    FIGURES.forEach(([known], index) => {
      this.buttons[index].setAttribute("aria-selected", known === kind);
      this.buttons[index].tabIndex = known === kind ? 0 : -1;
    });
    this.place.setAttribute("aria-labelledby", `explore-tab-${kind}`);
  }

  get width() {
    return this.place.clientWidth < NARROW ? 360 : null;
  }

  show(svg) {
    const parsed = new DOMParser().parseFromString(svg, "image/svg+xml").documentElement;
    this.place.replaceChildren(document.importNode(parsed, true));
    this.place.classList.remove("stale");
  }

  async save(format, ask) {
    const request = { do: "figure", kind: this.kind, theme: "light" };
    const name = `isoflop-${this.kind}.${format}`;
    if (format === "csv") return save(name, new Blob([(await ask({ ...request, format })).text], { type: "text/csv" }));
    const svg = new Blob([(await ask(request)).text], { type: "image/svg+xml" });
    save(name, format === "svg" ? svg : await this.png(svg));
  }

  // Two pixels for each of the figure's.
  async png(svg) {
    const address = URL.createObjectURL(svg);
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = element("canvas", { width: 2 * image.naturalWidth, height: 2 * image.naturalHeight });
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    URL.revokeObjectURL(address);
    return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
  }
}
