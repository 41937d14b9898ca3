// Runs an ONNX file in Chromium with ONNX Runtime's browser build (WebAssembly) and prints its outputs.
// usage: node run_model.mjs PACKAGES CHROMIUM MODEL.onnx INPUT.json
// INPUT.json: {"name": ..., "dims": [...], "data": [...]}; printed: {output: {"dims", "data"}}.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { basename, join } from "node:path";

const [packages, executablePath, model, input] = process.argv.slice(2);
const { chromium } = createRequire(join(packages, "node_modules/"))("playwright-core");
const dist = join(packages, "node_modules/onnxruntime-web/dist");

const page = `<!doctype html><script type="module">
import * as ort from "/ort/ort.wasm.min.mjs";
ort.env.wasm.wasmPaths = "/ort/";
ort.env.wasm.numThreads = 1; // threads need headers that a plain page does not have
try {
  const session = await ort.InferenceSession.create("/model");
  const given = await (await fetch("/input")).json();
  const answer = await session.run({ [given.name]: new ort.Tensor("float32", Float32Array.from(given.data), given.dims) });
  const out = {};
  for (const [name, tensor] of Object.entries(answer)) out[name] = { dims: tensor.dims, data: Array.from(tensor.data, Number) };
  window.answer = out;
} catch (error) {
  window.failure = String(error);
}
</script>`;

const types = { ".mjs": "text/javascript", ".wasm": "application/wasm" };
const server = createServer(async (request, response) => {
  try {
    const name = basename(request.url);
    const type = types[name.slice(name.lastIndexOf("."))];
    if (request.url === "/") response.setHeader("Content-Type", "text/html").end(page);
    else if (request.url === "/model") response.end(await readFile(model));
    else if (request.url === "/input") response.end(await readFile(input));
    else if (request.url.startsWith("/ort/") && type) response.setHeader("Content-Type", type).end(await readFile(join(dist, name)));
    else response.writeHead(404).end();
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

// The sandbox of Chromium cannot be had as root or in most containers; the page is our own.
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
try {
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${server.address().port}/`);
  await tab.waitForFunction("window.answer || window.failure", undefined, { timeout: 60000 });
  const failure = await tab.evaluate("window.failure");
  if (failure) throw new Error(failure);
  process.stdout.write(JSON.stringify(await tab.evaluate("window.answer")));
} finally {
  await browser.close();
  server.close();
}
