// Prints the text that the example `agreement`, built for WebAssembly, computes.
import { readFile } from "node:fs/promises";

const { instance } = await WebAssembly.instantiate(await readFile(process.argv[2]), {});
const { memory, text_address, text_length } = instance.exports;
const length = text_length();
process.stdout.write(new TextDecoder().decode(new Uint8Array(memory.buffer, text_address(), length)));
