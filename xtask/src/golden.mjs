// Asks the module that a report's page holds, and prints its replies, one JSON a line.
// Arguments: the page, and the golden file with the requests.
import { readFile } from "node:fs/promises";
import { inflateSync } from "node:zlib";

const [page, golden] = process.argv.slice(2);
const held = /<script type="application\/json" id="explore-held">(.*?)<\/script>/s.exec(await readFile(page, "utf8"));
if (held === null) throw new Error("the page holds no module: was the binary built with ISOFLOP_EXPLORER=1?");
const module = inflateSync(Buffer.from(JSON.parse(held[1]).module, "base64"));
console.error(`the module has ${module.length} bytes`);

const { memory, request_buffer, answer, reply_length } = (await WebAssembly.instantiate(module, {})).instance.exports;
for (const { request } of JSON.parse(await readFile(golden, "utf8")).steps) {
  const written = new TextEncoder().encode(JSON.stringify(request));
  const at = request_buffer(written.length);
  new Uint8Array(memory.buffer).set(written, at);
  const from = answer();
  console.log(new TextDecoder().decode(new Uint8Array(memory.buffer, from, reply_length())));
}
