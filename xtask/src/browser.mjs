// Drives the report's page in Chromium over its pipe of the DevTools protocol, and checks what a reader would do with it.
// Arguments: the browser, the page of 240 runs, and an empty folder for tables and downloads.
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [program, page, folder] = process.argv.slice(2);
const address = pathToFileURL(page).href;
const PATIENCE = 120_000;

// The checks of accessibility, pinned: what is fetched must have this hash.
const AXE = { name: "axe-core", version: "4.14.1", sha512: "FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==" };

// The text of axe-core, or nothing where the registry of npm cannot be reached.
const fetchAxe = () => {
  const packed = join(folder, `${AXE.name}-${AXE.version}.tgz`);
  const got = spawnSync("npm", ["pack", "--silent", `${AXE.name}@${AXE.version}`], { cwd: folder, timeout: 60_000 });
  if (got.status !== 0) return null;
  assert.equal(createHash("sha512").update(readFileSync(packed)).digest("base64"), AXE.sha512, "axe-core is not the one that is pinned");
  assert.equal(spawnSync("tar", ["-xzf", packed, "-C", folder]).status, 0, "axe-core could not be unpacked");
  return readFileSync(join(folder, "package", "axe.min.js"), "utf8");
};

const pause = (time) => new Promise((resolve) => setTimeout(resolve, time));

// The protocol: messages of JSON, each ended by a zero byte, on the browser's third and fourth file.
class Browser {
  constructor() {
    const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", `--user-data-dir=${join(folder, "profile")}`];
    this.process = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
    this.waiting = new Map();
    this.heard = [];
    this.next = 1;
    let rest = Buffer.alloc(0);
    this.process.stdio[4].on("data", (data) => {
      rest = Buffer.concat([rest, data]);
      for (let end = rest.indexOf(0); end >= 0; end = rest.indexOf(0)) {
        this.hear(JSON.parse(rest.subarray(0, end).toString()));
        rest = rest.subarray(end + 1);
      }
    });
  }

  hear(message) {
    if (message.id === undefined) return this.heard.push(message);
    const { resolve, reject } = this.waiting.get(message.id);
    this.waiting.delete(message.id);
    if (message.error) reject(new Error(message.error.message)); else resolve(message.result);
  }

  send(method, params = {}, sessionId = this.session) {
    return new Promise((resolve, reject) => {
      const id = this.next++;
      this.waiting.set(id, { resolve, reject });
      this.process.stdio[3].write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  async open(url, size = [1280, 900]) {
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" }, undefined);
    this.session = (await this.send("Target.attachToTarget", { targetId, flatten: true }, undefined)).sessionId;
    for (const domain of ["Page", "Runtime", "Network", "Log", "DOM"]) await this.send(`${domain}.enable`);
    await this.send("Emulation.setDeviceMetricsOverride", { width: size[0], height: size[1], deviceScaleFactor: 1, mobile: false });
    await this.send("Page.navigate", { url });
    await this.until("document.getElementById('explore')?.dataset.answered > 0", "the first answer");
    await this.settled();
  }

  // The value of an expression in the page, awaited.
  async value(expression) {
    const { result, exceptionDetails } = await this.send("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
    if (exceptionDetails) throw new Error(`${expression}: ${exceptionDetails.exception?.description ?? exceptionDetails.text}`);
    return result.value;
  }

  async until(condition, what) {
    const began = Date.now();
    while (!(await this.value(condition).catch(() => false))) {
      if (Date.now() - began > PATIENCE) throw new Error(`waited in vain for ${what}`);
      await pause(30);
    }
    return Date.now() - began;
  }

  // Waits until nothing is asked any more.
  async settled() {
    let last;
    for (let same = 0; same < 5;) {
      const now = await this.value("document.getElementById('explore').dataset.answered + document.getElementById('explore-busy').hidden + document.querySelector('#explore-drawing.stale')");
      same = now === last && now.includes("true") ? same + 1 : 0;
      last = now;
      await pause(60);
    }
  }

  // Does something in the page, and waits for the answer to it.
  async after(expression) {
    const before = Number(await this.value("document.getElementById('explore').dataset.answered"));
    await this.value(expression);
    await this.until(`document.getElementById('explore').dataset.answered > ${before}`, `an answer to ${expression}`);
    await this.settled();
  }

  async press(key, code) {
    for (const type of ["rawKeyDown", "keyUp"]) await this.send("Input.dispatchKeyEvent", { type, key, code: key, windowsVirtualKeyCode: code });
  }

  async file(path) {
    const { root } = await this.send("DOM.getDocument");
    const { nodeId } = await this.send("DOM.querySelector", { nodeId: root.nodeId, selector: "#explore-file" });
    await this.send("DOM.setFileInputFiles", { nodeId, files: [path] });
  }

  text(id) {
    return this.value(`document.getElementById("explore-${id}").textContent`);
  }

  complaints() {
    const said = ({ method, params }) => {
      if (method === "Runtime.exceptionThrown") return [params.exceptionDetails.exception?.description ?? params.exceptionDetails.text];
      if (method === "Log.entryAdded" && ["error", "warning"].includes(params.entry.level)) return [`${params.entry.text} ${params.entry.url ?? ""}`];
      if (method === "Runtime.consoleAPICalled" && ["error", "warning"].includes(params.type)) return [params.args.map(({ value }) => value).join(" ")];
      return [];
    };
    return this.heard.flatMap(said);
  }

  requested() {
    return this.heard.filter(({ method }) => method === "Network.requestWillBeSent").map(({ params }) => params.request.url);
  }
}

const browser = new Browser();
browser.process.on("error", (error) => { console.error(String(error)); process.exit(1); });
const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const tests = {
  async "the page opens from a file, answers, and complains of nothing"() {
    await browser.open(address);
    assert.match(await browser.text("answer"), /^Train .+ on .+ tokens: loss /);
    assert.equal(await browser.value("document.querySelectorAll('#explore-drawing svg').length"), 1);
    assert.equal(await browser.text("trouble"), "");
  },

  async "a slider moved by the keyboard changes the answer, and the address"() {
    const before = await browser.text("answer");
    await browser.value("document.querySelector('#explore-amount').closest('.control').querySelector('[type=range]').focus()");
    const answered = Number(await browser.value("document.getElementById('explore').dataset.answered"));
    for (let step = 0; step < 20; step++) await browser.press("ArrowRight", 39);
    await browser.until(`document.getElementById('explore').dataset.answered > ${answered}`, "an answer");
    await browser.settled();
    assert.notEqual(await browser.text("answer"), before);
    assert.match(await browser.value("location.hash"), /^#explore=/);
  },

  async "every figure is drawn"() {
    for (const kind of await browser.value("[...document.querySelectorAll('#explore-tabs button')].map((tab) => tab.id)")) {
      await browser.after(`document.getElementById("${kind}").click()`);
      const [words, title] = await browser.value("[document.getElementById('explore-trouble').textContent, document.querySelector('#explore-drawing svg').getAttribute('aria-label')]");
      assert.equal(words, "", kind);
      assert.ok(title.length > 5, kind);
    }
    await browser.after("document.getElementById('explore-tab-valleys').click()");
  },

  async "a run is left out by a click in the figure, put back by the keyboard, and the law is fitted again"() {
    await browser.after("{ const law = document.getElementById('explore-law'); law.value = 'hoffmann'; law.dispatchEvent(new Event('change')); }");
    const before = await browser.text("fit");
    await browser.after("document.querySelector('#explore-drawing [data-run]').dispatchEvent(new MouseEvent('click', { bubbles: true }))");
    assert.equal(await browser.value("document.querySelectorAll('#explore-list .out').length"), 1);
    assert.notEqual(await browser.text("fit"), before);
    await browser.value("document.getElementById('explore-runs').open = true; document.querySelector('#explore-list .out input').focus()");
    const answered = Number(await browser.value("document.getElementById('explore').dataset.answered"));
    await browser.send("Input.dispatchKeyEvent", { type: "keyDown", key: " ", code: "Space", text: " ", windowsVirtualKeyCode: 32 });
    await browser.send("Input.dispatchKeyEvent", { type: "keyUp", key: " ", code: "Space", windowsVirtualKeyCode: 32 });
    await browser.until(`document.getElementById('explore').dataset.answered > ${answered}`, "a fit with the run");
    await browser.settled();
    assert.equal(await browser.text("fit"), before);
  },

  async "what makes no sense is said, and the page goes on"() {
    const type = (text) => `{ const field = document.getElementById("explore-amount"); field.value = ${JSON.stringify(text)}; field.dispatchEvent(new Event("input")); field.dispatchEvent(new Event("change")); }`;
    for (const text of ["a lot", "<img src=x onerror=owned=1>", "-1", "1e999"]) {
      await browser.after(type(text));
      assert.ok((await browser.text("trouble")).length > 20, text);
    }
    await browser.after(type("1e22"));
    assert.equal(await browser.text("trouble"), "");
  },

  async "the address restores the question in another window"() {
    await browser.after("{ const serve = document.getElementById('explore-serve'); serve.value = '1T'; serve.dispatchEvent(new Event('input')); serve.dispatchEvent(new Event('change')); }");
    const [answer, url] = [await browser.text("answer"), await browser.value("location.href")];
    await browser.open(url);
    assert.equal(await browser.text("answer"), answer);
    assert.equal(await browser.value("document.getElementById('explore-serve').value"), "1T");
    assert.equal(await browser.value("document.getElementById('explore-law').value"), "hoffmann");
  },

  async "a figure is saved as SVG, PNG and CSV"() {
    await browser.send("Browser.setDownloadBehavior", { behavior: "allow", downloadPath: folder }, undefined);
    const beginnings = { svg: "<svg", png: "\x89PNG", csv: "panel,series" };
    for (const [format, beginning] of Object.entries(beginnings)) {
      await browser.value(`document.querySelector('[data-save="${format}"]').click()`);
      const named = () => readdirSync(folder).find((name) => name.startsWith("isoflop-") && name.endsWith(`.${format}`));
      for (let wait = 0; wait < 200 && !(named() && statSync(join(folder, named())).size > 0); wait++) await pause(50);
      assert.ok(named(), `no ${format} was saved`);
      assert.ok(readFileSync(join(folder, named())).toString("latin1").startsWith(beginning), format);
    }
  },

  async "a hostile table is read as text, its bad rows named"() {
    const name = `"<img src=x onerror=owned=1>"`;
    let rows = `run,params,tokens,loss,<script>owned=1</script>,constructor\n${name},1e8,2e9,NaN,</script>,1\n`;
    for (let row = 0; row < 24; row++) {
      const [params, tokens] = [1e8 * 2 ** (row % 4), 2e9 * 3 ** (row >> 2)];
      rows += `${name},${params},${tokens},${1.8 + 480 / params ** 0.35 + 2000 / tokens ** 0.37},"<svg onload=owned=1>",2\n`;
    }
    const path = join(folder, "hostile <b>.csv");
    writeFileSync(path, rows);
    const answered = Number(await browser.value("document.getElementById('explore').dataset.answered"));
    await browser.file(path);
    await browser.until(`document.getElementById('explore').dataset.answered > ${answered}`, "the hostile table");
    await browser.settled();
    assert.equal(await browser.text("trouble"), "");
    assert.match(await browser.text("read"), /hostile <b>\.csv: 24 runs, 1 rows left out; columns: <script>/);
    assert.match(await browser.text("dropped"), /NaN/);
    for (const kind of ["forecast", "residuals", "valleys"]) await browser.after(`document.getElementById("explore-tab-${kind}").click()`);
    assert.equal(await browser.value("[window.owned, document.querySelectorAll('#explore img, #explore script, #explore b').length].join()"), ",0");
  },

  async "a table dropped on the page is fitted; one of a million rows is refused, and nothing freezes"() {
    const drop = (name, text) => `{ const data = new DataTransfer(); data.items.add(new File([${text}], ${JSON.stringify(name)})); document.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true })); }`;
    await browser.value("window.longest = 0; { let last = performance.now(); const tick = () => { const now = performance.now(); window.longest = Math.max(window.longest, now - last); last = now; setTimeout(tick, 5); }; tick(); }");
    await browser.value(drop("million.csv", "'params,tokens,loss\\n' + '1e8,2e9,3.0\\n'.repeat(1e6)"));
    await browser.until("/1000001 lines/.test(document.getElementById('explore-trouble').textContent)", "the refusal");
    assert.match(await browser.text("trouble"), /isoflop fit/);
    const longest = await browser.value("window.longest");
    console.log(`   longest pause of the page while a million rows came: ${longest.toFixed(0)} ms`);
    assert.match(await browser.text("read"), /hostile/, "the table before stays");
    await browser.after("document.getElementById('explore-back').click()");
    assert.match(await browser.text("read"), /240 runs/);
  },

  async "nothing was asked of anyone, and nothing complained"() {
    const beyond = browser.requested().filter((url) => !url.startsWith(address.split("#")[0]) && !/^(blob|data):/.test(url));
    assert.deepEqual(beyond, []);
    assert.deepEqual(browser.complaints(), []);
  },

  async "axe-core finds nothing to mend, wide and narrow, light and dark"() {
    const axe = fetchAxe();
    if (axe === null) return console.log("   skipped: axe-core could not be fetched from the registry of npm");
    for (const [size, scheme] of [[[1280, 900], "light"], [[390, 800], "dark"]]) {
      await browser.open(address, size);
      await browser.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
      await browser.value("document.querySelectorAll('details').forEach((part) => { part.open = true; })");
      await browser.value(`${axe}; true`);
      const found = await browser.value("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes.slice(0, 3).map(({ html }) => html.slice(0, 120)).join(' | ')}`))");
      assert.deepEqual(found, [], `${size[0]} ${scheme}`);
      assert.ok(await browser.value("document.documentElement.scrollWidth <= innerWidth"), `${size[0]} pixels: the page is wider`);
    }
  },

  async "how long it takes, measured"() {
    await browser.open(address);
    await browser.after("{ const law = document.getElementById('explore-law'); law.value = 'hoffmann'; law.dispatchEvent(new Event('change')); }");
    const replans = await browser.value(`(async () => { const took = []; for (let i = 0; i < 25; i++) { const began = performance.now(); await isoflop.door.ask({ do: "plan", question: { flops: 1e22 * 1.1 ** i }, draws: 200 }); took.push(performance.now() - began); } return took; })()`);
    const refits = await browser.value(`(async () => { const took = []; for (let i = 0; i < 5; i++) { const began = performance.now(); await isoflop.door.ask({ do: "fit", law: "hoffmann", draws: 200, without: [i] }); took.push(performance.now() - began); } return took; })()`);
    const posterior = await browser.value(`(async () => { const began = performance.now(); await isoflop.door.ask({ do: "fit", draws: 200, without: [1] }); return performance.now() - began; })()`);
    const figures = await browser.value(`(async () => { const took = {}; for (const kind of ["forecast", "valleys", "contour", "ratios", "residuals"]) { const began = performance.now(); await isoflop.door.ask({ do: "figure", kind, draws: 200 }); took[kind] = Math.round(performance.now() - began); } return took; })()`);
    console.log(`   240 runs, 200 draws: a plan ${median(replans).toFixed(1)} ms (worst ${Math.max(...replans).toFixed(1)}), a plain fit ${median(refits).toFixed(0)} ms, the posterior ${posterior.toFixed(0)} ms, figures ${JSON.stringify(figures)} ms`);
  },
};

let failed = 0;
try {
  for (const [name, test] of Object.entries(tests)) {
    const began = Date.now();
    try {
      await test();
      console.log(`ok   ${name} (${((Date.now() - began) / 1000).toFixed(1)} s)`);
    } catch (error) {
      failed += 1;
      console.log(`FAIL ${name}\n${error.stack}`);
    }
  }
} finally {
  browser.process.kill();
}
process.exit(failed === 0 ? 0 : 1);
