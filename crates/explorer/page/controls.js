// The question as sliders with fields beside them. A field's text is the truth; its slider follows, and moves it.
const BUDGETS = {
  flops: { name: "compute, FLOP", write: writeCompute, logarithmic: true },
  usd: { name: "dollars", write: writeCount, logarithmic: true, ends: [100, 1e9], text: "1M" },
  gpu_hours: { name: "accelerator-hours", write: writeCount, logarithmic: true, ends: [10, 1e9], text: "100k" },
  loss: { name: "least cost of a loss, nats", write: (value) => value.toFixed(3) },
};

const STEPS = 1000;

class Slider {
  // An optional quantity has an empty field at the slider's left end.
  constructor({ key, name, write, ends, logarithmic = false, optional = false, hint = "" }, changed) {
    Object.assign(this, { key, write, ends, logarithmic, optional });
    this.field = element("input", { type: "text", id: `explore-${key}`, spellcheck: "false", placeholder: optional ? "none" : "" });
    this.range = element("input", { type: "range", min: 0, max: STEPS, step: 1, "aria-label": name });
    this.label = element("label", { for: this.field.id }, name);
    this.row = element("div", { class: "control", title: hint }, this.label, element("div", { class: "pair" }, this.range, this.field));
    this.range.addEventListener("input", () => {
      this.field.value = this.textAt(Number(this.range.value));
      this.spoken();
      changed(true);
    });
    this.range.addEventListener("change", () => changed(false));
    this.field.addEventListener("input", () => this.follow());
    this.field.addEventListener("change", () => changed(false));
  }

  get text() {
    return this.field.value.trim();
  }

  set text(text) {
    this.field.value = text;
    this.follow();
  }

  scale(value) {
    return this.logarithmic ? Math.log(value) : value;
  }

  textAt(step) {
    if (this.optional && step === 0) return "";
    const [low, high] = this.ends.map((end) => this.scale(end));
    const place = low + (high - low) * (step / STEPS);
    return this.write(this.logarithmic ? Math.exp(place) : place);
  }

  follow() {
    const value = readQuantity(this.field.value);
    const [low, high] = this.ends.map((end) => this.scale(end));
    const share = (this.scale(value) - low) / (high - low);
    this.range.value = Number.isFinite(share) ? Math.round(STEPS * Math.min(1, Math.max(0, share))) : 0;
    this.spoken();
  }

  spoken() {
    this.range.setAttribute("aria-valuetext", this.field.value || "none");
  }
}

class Choice {
  constructor({ key, name, options }, changed) {
    this.key = key;
    this.select = element("select", { id: `explore-${key}` });
    this.row = element("div", { class: "control" }, element("label", { for: this.select.id }, name), this.select);
    this.options = options;
    this.select.addEventListener("change", () => changed(false));
  }

  set options(options) {
    this.select.replaceChildren(...options.map(([value, name]) => element("option", { value }, name)));
  }

  get text() {
    return this.select.value;
  }

  set text(text) {
    this.select.value = text;
    if (this.select.selectedIndex < 0) this.select.selectedIndex = 0;
  }
}

class Controls {
  constructor(form, known, wished) {
    const changed = (quick) => { this.relevant(); wished(quick); };
    const named = (list) => list.map((name) => [name, name]);
    const accelerators = known.accelerators.map(({ name, title }) => [name, title]);
    this.parts = {
      asked: new Choice({ key: "asked", name: "Budget", options: Object.entries(BUDGETS).map(([key, { name }]) => [key, name]) }, (quick) => { this.ask(); changed(quick); }),
      amount: new Slider({ key: "amount", name: "Amount", write: writeCompute, ends: [1e18, 1e26], logarithmic: true }, changed),
      gpu: new Choice({ key: "gpu", name: "Accelerator", options: [["", "none: compute alone"], ...accelerators] }, changed),
      price: new Slider({ key: "price", name: "Dollars per accelerator-hour", write: writePlain, ends: [0.2, 20], logarithmic: true, hint: "A number, or a range such as 1.8..2.6" }, changed),
      mfu: new Slider({ key: "mfu", name: "Share of the peak reached (MFU)", write: (value) => value.toFixed(2), ends: [0.05, 0.8], hint: "A number, or a range such as 0.35..0.45" }, changed),
      serve: new Slider({ key: "serve", name: "Tokens to serve", write: writeCount, ends: [1e8, 1e15], logarithmic: true, optional: true }, changed),
      unique_tokens: new Slider({ key: "unique_tokens", name: "Distinct tokens there are", write: writeCount, ends: [1e7, 1e14], logarithmic: true, optional: true }, changed),
      repetition: new Choice({ key: "repetition", name: "Repeated text counts", options: [["published", "as Muennighoff et al. 2023 found"], ["fitted", "as these runs say"]] }, changed),
      law: new Choice({ key: "law", name: "Law", options: [["reported", "as reported"], ["posterior", "posterior (default)"], ...named(known.laws.map(({ name }) => name))] }, changed),
      objective: new Choice({ key: "objective", name: "Objective of a plain fit", options: [["", "huber:1e-3 (default)"], ...named(known.objectives.slice(1))] }, changed),
    };
    this.reset = element("button", { type: "button" }, "Reset");
    form.replaceChildren(...Object.values(this.parts).map(({ row }) => row), this.reset);
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  // Only what the answer depends on is shown.
  relevant() {
    const { gpu, unique_tokens: unique, law } = this.parts;
    const hidden = { price: gpu.text === "", mfu: gpu.text === "", repetition: unique.text === "", objective: ["reported", "posterior"].includes(law.text) };
    for (const [key, isHidden] of Object.entries(hidden)) this.parts[key].row.hidden = isHidden;
  }

  // What the runs say about sensible ends of the sliders.
  reach({ largest, loss }) {
    BUDGETS.flops.ends = [largest / 100, largest * 1e5];
    BUDGETS.flops.text = writeCompute(largest * 10);
    BUDGETS.loss.ends = [loss * 0.6, loss * 1.1];
    BUDGETS.loss.text = (loss * 0.95).toFixed(3);
  }

  // Turns the amount into one of another budget.
  ask(text) {
    const budget = BUDGETS[this.parts.asked.text];
    const { amount, gpu } = this.parts;
    Object.assign(amount, { write: budget.write, ends: budget.ends, logarithmic: budget.logarithmic === true });
    amount.label.textContent = `Amount: ${budget.name}`;
    amount.range.setAttribute("aria-label", `Amount: ${budget.name}`);
    amount.text = text ?? budget.text;
    if (["usd", "gpu_hours"].includes(this.parts.asked.text) && gpu.text === "") gpu.text = "h100";
  }

  get state() {
    return Object.fromEntries(Object.entries(this.parts).map(([key, part]) => [key, part.text]));
  }

  set state(state) {
    this.parts.asked.text = state.asked ?? "flops";
    for (const [key, part] of Object.entries(this.parts)) {
      if (key !== "asked" && key !== "amount" && typeof state[key] === "string") part.text = state[key];
    }
    this.ask(typeof state.amount === "string" ? state.amount : undefined);
    this.relevant();
  }

  // The question in the words of `isoflop plan`.
  question(state, extra) {
    const { asked, amount, gpu, price, mfu, serve, unique_tokens: unique, repetition } = state;
    const question = { ...extra, [asked]: amount };
    if (gpu !== "") Object.assign(question, { gpu, price, mfu });
    if (serve !== "") question.serve = serve;
    if (unique !== "") Object.assign(question, { unique_tokens: unique, repetition });
    return question;
  }
}
