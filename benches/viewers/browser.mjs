// Opens a JSON text in vanilla-jsoneditor in a headless Chromium: `node browser.mjs FILE`. Prints, as JSON, the seconds from the text
// in the page to the painted tree, and the peak memory of the renderer's process and of the whole browser in bytes.
import { createReadStream, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";

const file = process.argv[2];
const editor = createRequire(import.meta.url).resolve("vanilla-jsoneditor/standalone.js");
const page_html = `<!doctype html><meta charset="utf-8"><div id="tree" style="height: 760px"></div>
<script type="module">
  import { createJSONEditor } from "/editor.js";
  window.open_text = async () => {
    const text = await (await fetch("/file.json")).text();
    const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
    await painted();
    const begun = performance.now();
    createJSONEditor({ target: document.getElementById("tree"), props: { content: { text }, mode: "tree" } });
    while (!document.querySelector(".jse-json-node .jse-json-node")) await painted();
    await painted();
    return { seconds: (performance.now() - begun) / 1000, rows: document.querySelectorAll(".jse-json-node").length };
  };
  window.is_ready = true;
</script>`;

const server = createServer((request, response) => {
  const send = (type, path) => {
    response.writeHead(200, { "content-type": type });
    createReadStream(path).pipe(response);
  };
  if (request.url === "/editor.js") send("text/javascript", editor);
  else if (request.url === "/file.json") send("application/json", file);
  else response.writeHead(200, { "content-type": "text/html" }).end(page_html);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});

// The peak of the memory of each process that the browser started, itself among them.
const peaks = () => {
  const parents = new Map();
  for (const name of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      const status = readFileSync(`/proc/${name}/status`, "utf8");
      const kb = (key) => Number(status.match(new RegExp(`${key}:\\s+(\\d+)`))?.[1] ?? 0);
      const is_page = readFileSync(`/proc/${name}/cmdline`, "utf8").includes("--type=renderer");
      parents.set(kb("Pid"), { parent: kb("PPid"), bytes: kb("VmHWM") * 1024, is_page });
    } catch {
      // It ended meanwhile.
    }
  }
  const root = browser.process().pid;
  const is_inside = (pid) => pid === root || (parents.has(pid) && is_inside(parents.get(pid).parent));
  return [...parents.keys()].filter(is_inside).map((pid) => parents.get(pid));
};

try {
  const page = await browser.newPage();
  await page.setViewport({ width: 1280, height: 800 });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction("window.is_ready");
  const { seconds, rows } = await page.evaluate("open_text()");
  const processes = peaks();
  const renderer = Math.max(...processes.filter(({ is_page }) => is_page).map(({ bytes }) => bytes));
  const all = processes.reduce((sum, { bytes }) => sum + bytes, 0);
  console.log(JSON.stringify({ seconds, rows, renderer, all }));
} finally {
  await browser.close();
  server.close();
}
