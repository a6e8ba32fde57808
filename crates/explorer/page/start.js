// Where the sliders stand for a question, and what of it they do not know.
const standing = ({ question, flops }) => {
  const extra = Object.fromEntries(Object.entries(question).filter(([, value]) => value !== null));
  const taken = (key) => { const value = extra[key]; delete extra[key]; return value === undefined ? undefined : writeExact(value); };
  const asked = Object.keys(BUDGETS).find((key) => extra[key] !== undefined) ?? "flops";
  const amount = taken(asked) ?? (flops === null ? undefined : writeExact(flops));
  // Budgets without a slider become the compute that they pay for.
  for (const key of ["days", "kwh", "better", "than_params", "than_tokens", "than_flops"]) taken(key);
  const repetition = extra.unique_tokens === undefined ? "published" : taken("repetition");
  delete extra.repetition;
  const state = { asked, amount, gpu: taken("gpu") ?? "", price: taken("price") ?? "2", mfu: taken("mfu") ?? "0.4", serve: taken("serve") ?? "", unique_tokens: taken("unique_tokens") ?? "", repetition, law: "reported", objective: "" };
  return { state, extra };
};

// The page's wiring: controls and runs make a wish, the door answers it, the parts show it; the address keeps it.
const explore = async (held) => {
  const at = (name) => document.getElementById(`explore-${name}`);
  const section = document.getElementById("explore");
  const door = new Door(held.module);
  const known = await door.ask({ do: "known" });
  const first = standing(held);
  // What the worker knows; a restarted one knows nothing.
  let done = {};

  const wish = (quick) => latest.want({ state: controls.state, table: runs.table, without: [...runs.without].sort((a, b) => a - b), kind: drawing.kind, width: drawing.width, draws: quick ? 200 : null });

  const controls = new Controls(at("controls"), known, wish);
  const runs = new RunList(held.table, { changed: () => wish(false) });
  const drawing = new Drawing(at("drawing"), at("tabs"), { chosen: () => wish(false), clicked: (run) => runs.clicked(run) });

  const fitRequest = ({ state: { law, objective }, table, without }) => {
    if (law === "reported" && without.length === 0 && table === held.table) {
      return { do: "load", fit: { file: held.fit }, recipe: held.recipe, level: held.level };
    }
    const plain = law === "reported" || law === "posterior" ? {} : { law, ...(objective === "" ? {} : { objective }) };
    return { do: "fit", ...plain, without, recipe: table === held.table ? held.recipe : null, level: held.level };
  };

  const read = async (table) => {
    if (done.table === table) return;
    done = {};
    const { name, text, filters, skip_bad_rows } = table;
    const reply = await door.ask({ do: "runs", name, table: text, where: filters, skip_bad_rows });
    done.table = table;
    runs.show(reply);
    const largest = Math.max(...reply.kept.map(({ flops }) => flops));
    const loss = Math.min(...reply.kept.map(({ loss }) => loss));
    if (reply.kept.length > 0) controls.reach({ largest, loss });
  };

  const fit = async (now) => {
    const request = fitRequest(now);
    const key = JSON.stringify([request, now.table.name]);
    if (done.fit === key) return;
    const reply = await door.ask(request);
    done = { table: done.table, fit: key };
    at("fit").querySelector(".part").replaceChildren(...partOf(reply.words, true));
  };

  const plan = async ({ state, draws }) => {
    const question = controls.question(state, first.extra);
    const key = JSON.stringify([question, draws]);
    if (done.plan === key) return;
    const { words } = await door.ask({ do: "plan", question, draws, level: held.level });
    done.plan = key;
    at("answer").textContent = words.answer;
    at("plan").querySelector(".part").replaceChildren(...partOf(words, false));
  };

  const draw = async ({ kind, width, draws }, planned) => {
    const key = JSON.stringify([kind, width, PLANNED.has(kind) ? [draws, planned] : null]);
    if (done.figure === key) return;
    drawing.place.classList.add("stale");
    const { text } = await door.ask({ do: "figure", kind, width, draws, level: held.level });
    done.figure = key;
    drawing.show(text);
  };

  const trouble = (error) => {
    at("trouble").textContent = error === null ? "" : `${error.message[0].toUpperCase()}${error.message.slice(1)}.`;
    at("trouble").hidden = error === null;
    at("answer").classList.toggle("stale", error !== null);
    if (error === null) return;
    if (error.code === "stopped") done = {};
    if (error.code === "worker") throw error;
  };

  const latest = new Latest(async (now, newer) => {
    const busy = setTimeout(() => { at("busy").hidden = false; }, 600);
    let refused = null;
    try {
      await read(now.table);
      await fit(now);
      try {
        await plan(now);
      } catch (error) {
        // Without a plan there are still figures of the fit.
        refused = error;
        done.plan = null;
      }
      if (!newer()) await draw(now, done.plan);
    } catch (error) {
      refused = error;
    }
    clearTimeout(busy);
    at("busy").hidden = true;
    trouble(refused);
    section.dataset.answered = String(Number(section.dataset.answered ?? 0) + 1);
    if (now.draws === null) remember(now);
  });

  // The address keeps the question, so that it can be sent to someone; runs of another table do not fit in it.
  const remember = ({ state, table, without, kind }) => {
    const kept = { ...state, kind, ...(table === held.table && without.length > 0 ? { without } : {}) };
    const place = `#explore=${encodeURIComponent(JSON.stringify(kept))}`;
    if (location.hash !== place) history.replaceState(null, "", place);
  };

  const remembered = () => {
    try {
      const kept = JSON.parse(decodeURIComponent(location.hash.replace(/^#explore=/, "")));
      return kept !== null && typeof kept === "object" ? kept : {};
    } catch {
      return {};
    }
  };

  const restore = (kept) => {
    controls.state = { ...first.state, ...kept };
    drawing.choose(kept.kind ?? "forecast");
    if (runs.isOwn && Array.isArray(kept.without)) runs.without = new Set(kept.without.filter(Number.isSafeInteger));
  };

  const open = async (file) => {
    if (file.size > known.largest_request) {
      return trouble({ code: "too_large", message: `${file.name} has ${Math.ceil(file.size / 1e6)} MB, more than is read here: filter it, or use \`isoflop fit\`` });
    }
    const before = [runs.table, runs.without];
    const text = await file.text();
    runs.use({ name: file.name, text, filters: [], skip_bad_rows: true });
    controls.parts.law.text = "posterior";
    try {
      await read(runs.table);
    } catch (error) {
      [runs.table, runs.without] = before;
      done = {};
      return trouble(error);
    }
    controls.ask();
    wish(false);
  };

  at("file").addEventListener("change", ({ target }) => { if (target.files.length > 0) open(target.files[0]); target.value = ""; });
  document.addEventListener("dragover", (event) => { event.preventDefault(); document.body.classList.add("dropping"); });
  document.addEventListener("dragleave", (event) => { if (event.relatedTarget === null) document.body.classList.remove("dropping"); });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    document.body.classList.remove("dropping");
    if (event.dataTransfer.files.length > 0) open(event.dataTransfer.files[0]);
  });
  at("back").addEventListener("click", async () => { runs.use(held.table); await read(held.table); restore({}); wish(false); });
  at("all").addEventListener("click", () => runs.putBack());
  at("stop").addEventListener("click", () => { done = {}; door.restart(); });
  controls.reset.addEventListener("click", async () => { runs.use(held.table); await read(held.table); restore({}); wish(false); });
  section.addEventListener("click", async ({ target }) => {
    const format = target.dataset?.save;
    if (format === undefined) return;
    try {
      await drawing.save(format, (request) => door.ask({ ...request, level: held.level }));
    } catch (error) {
      trouble(error);
    }
  });
  addEventListener("hashchange", () => { restore(remembered()); runs.mark(); wish(false); });

  section.hidden = false;
  document.querySelector("main").classList.add("exploring");
  await read(held.table);
  restore(remembered());
  runs.mark();
  // Its first word comes at once: the first wish.
  new ResizeObserver(() => wish(false)).observe(drawing.place);
  window.isoflop = { measured, door };
};

explore(JSON.parse(document.getElementById("explore-held").textContent)).catch((error) => {
  // Without a worker or WebAssembly the report stays what it was: a page to read.
  document.getElementById("explore").hidden = true;
  document.querySelector("main").classList.remove("exploring");
  console.warn("explorer:", error.message);
});
