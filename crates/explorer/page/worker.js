// The library in a worker: one module, one request at a time. Where the module stops, a fresh one takes its place.
const worker = () => {
  let bytes = null;
  let exported = null;

  const inflate = async (text) => {
    const packed = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
    return new Response(stream).arrayBuffer();
  };

  const start = async () => {
    exported = (await WebAssembly.instantiate(bytes, {})).instance.exports;
  };

  const answer = (request) => {
    const written = new TextEncoder().encode(JSON.stringify(request));
    const at = exported.request_buffer(written.length);
    if (at === 0) return { error: { code: "too_large", message: "the table is too large to be read here: filter it, or use `isoflop fit`" } };
    new Uint8Array(exported.memory.buffer).set(written, at);
    const from = exported.answer();
    const reply = new Uint8Array(exported.memory.buffer, from, exported.reply_length());
    return JSON.parse(new TextDecoder().decode(reply));
  };

  onmessage = async ({ data: { id, module, request } }) => {
    try {
      if (module !== undefined) {
        bytes = await inflate(module);
        await start();
        postMessage({ id, reply: bytes.byteLength });
      } else {
        const began = performance.now();
        const said = answer(request);
        postMessage({ id, took: performance.now() - began, ...said });
      }
    } catch (failure) {
      if (bytes !== null) await start();
      postMessage({ id, error: { code: "stopped", message: `the computation stopped (${failure.message}); the page goes on without it` } });
    }
  };
};
