// Looks at a report in headless Chromium, from a file and over HTTP: no page may write errors to the console or ask other
// hosts, load more than 5 MB or take a second to its first paint; axe-core finds nothing serious; a click shows a lineage
// that can be linked; the heat map has the values of the mart.
//
//   npm install --no-save playwright-core axe-core
//   TEJIDO_CHROMIUM=/usr/bin/chromium node src/report/dev/check.mjs data/published/report [SCREENSHOTS]
//
// With TEJIDO=<the program> in the environment the heat map is compared with `tejido query`, otherwise with its data file.
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, statSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

// Packages of the folder in which it is called, which need not be that of this file.
const require = createRequire(join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const folder = realpathSync(resolve(process.argv[2] || "data/published/report"));
const shots = process.argv[3];
const MAX_BYTES = 5_000_000;
const MAX_PAINT_MS = 1_000;
const failures = [];
const fail = (text) => {
  failures.push(text);
  console.log(`FAILED ${text}`);
};

const views = {
  overview: "#/es/resumen", "overview-en": "#/en/overview?region=ES30", country: "#/es/resumen?region=ES",
  force: "#/es/fuerza/artificial_intelligence", cloud: "#/en/force/cloud", "5g": "#/es/fuerza/5g", quantum: "#/es/fuerza/quantum_computing",
  sectors: "#/es/regiones-y-actividades", "sectors-en": "#/en/regions-and-activities?indicator=E_CC+PC_ENT",
  map: "#/es/mapa", sector: "#/es/actividad/C", clusters: "#/es/clusteres", cluster: "#/es/clusteres/metal",
  briefing: "#/es/informe/metal", headlines: "#/es/titulares", quality: "#/es/calidad", dictionary: "#/es/diccionario/headlines",
  downloads: "#/es/descargas",
};

const browser = await chromium.launch({ executablePath: process.env.TEJIDO_CHROMIUM, args: ["--no-sandbox"] });

async function open(base, hash, options = {}) {
  const context = await browser.newContext({ viewport: { width: options.width || 1280, height: 900 }, colorScheme: options.scheme || "light", locale: "es-ES", acceptDownloads: true });
  const page = await context.newPage();
  const told = { errors: [], foreign: [], bytes: 0 };
  page.on("console", (message) => ["error", "warning"].includes(message.type()) && told.errors.push(message.text()));
  page.on("pageerror", (error) => told.errors.push(error.message));
  page.on("request", (request) => {
    const url = request.url();
    if (/^(data|blob):/.test(url)) return;
    if (!url.startsWith(base)) return told.foreign.push(url);
    const path = join(folder, decodeURIComponent(new URL(url).pathname.slice(new URL(base).pathname.length)) || "index.html");
    if (existsSync(path) && statSync(path).isFile()) told.bytes += statSync(path).size;
    else told.errors.push(`no file for ${url}`);
  });
  await page.goto(`${base}index.html${hash}`);
  await page.waitForFunction(() => document.body.dataset.ready, null, { timeout: 10_000 }).catch(() => told.errors.push("not ready after 10 s"));
  await page.waitForTimeout(120);
  return { page, told, close: () => context.close() };
}

const fromFile = `${pathToFileURL(folder).href}/`;
const types = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };
const server = createServer((request, response) => {
  const path = join(folder, decodeURIComponent(new URL(request.url, "http://x").pathname));
  if (!path.startsWith(folder) || !existsSync(path)) return response.writeHead(404).end();
  response.writeHead(200, { "content-type": types[extname(path)] || "application/octet-stream" });
  createReadStream(path).pipe(response);
});
await new Promise((done) => server.listen(0, "127.0.0.1", done));
const overHttp = `http://127.0.0.1:${server.address().port}/`;

// Serious findings only: the rest is a matter of taste or of what the tool can not see.
async function accessible(page, name) {
  // Not as a script element, which the page's policy refuses.
  await page.evaluate(axeSource);
  const found = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"], preload: false }));
  for (const violation of found.violations)
    if (["serious", "critical"].includes(violation.impact))
      fail(`${name}: axe ${violation.id}: ${violation.nodes.length} nodes, ${violation.nodes[0].html.slice(0, 160)}, ${violation.nodes[0].failureSummary.slice(0, 200)}`);
}

// Every view from a file: errors, hosts, bytes, first paint, accessibility in both colour schemes, width on a telephone.
let [largest, slowest] = [0, 0];
for (const [name, hash] of Object.entries(views)) {
  for (const scheme of ["light", "dark"]) {
    const { page, told, close } = await open(fromFile, hash, { scheme });
    const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime);
    largest = Math.max(largest, told.bytes);
    slowest = Math.max(slowest, paint);
    if (told.bytes > MAX_BYTES) fail(`${name}: loads ${told.bytes} bytes`);
    if (!(paint < MAX_PAINT_MS)) fail(`${name}: first paint after ${paint} ms`);
    // Not as a script element, which the page's policy refuses.
    if (scheme === "light") {
      for (const chart of await page.$$("figure.chart")) {
        await chart.$eval(".tools button", (button) => button.click());
        if ((await chart.$$(".behind-chart tbody tr")).length === 0) fail(`${name}: a chart without a table`);
        await chart.$eval(".tools button", (button) => button.click());
        if (!(await chart.$("svg .ask"))) fail(`${name}: a chart without marks to ask`);
      }
    }
    await accessible(page, `${name} (${scheme})`);
    for (const error of told.errors) fail(`${name} (${scheme}): console: ${error}`);
    for (const url of told.foreign) fail(`${name}: asks ${url}`);
    if (shots) {
      mkdirSync(shots, { recursive: true });
      await page.screenshot({ path: join(shots, `${name}-1280-${scheme}.png`), fullPage: true });
    }
    await close();
    const small = await open(fromFile, hash, { scheme, width: 390 });
    const wide = await small.page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > 390) fail(`${name}: is ${wide} pixels wide at 390`);
    if (name === "overview") {
      await small.page.click(".menu");
      await accessible(small.page, `menu at 390 (${scheme})`);
    }
    if (shots) await small.page.screenshot({ path: join(shots, `${name}-390-${scheme}.png`), fullPage: true });
    await small.close();
  }
  const http = await open(overHttp, hash);
  for (const error of http.told.errors) fail(`${name} over HTTP: console: ${error}`);
  for (const url of http.told.foreign) fail(`${name} over HTTP: asks ${url}`);
  await http.close();
}
console.log(`views      ${Object.keys(views).length}, largest ${(largest / 1e6).toFixed(2)} MB, slowest first paint ${Math.round(slowest)} ms`);

// A click on a figure shows its origin, whose link opens it again; Escape closes it and gives the focus back.
{
  const { page, told, close } = await open(fromFile, views.force);
  await page.click("main .facts button.value");
  await page.waitForSelector("#origin .origin-part[data-value]");
  const shown = await page.textContent("#origin .origin-value");
  const address = page.url();
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.getElementById("origin").hidden);
  if (!(await page.evaluate(() => document.activeElement.matches("button.value")))) fail("origin: the focus does not go back");
  const again = await open(fromFile, address.slice(address.indexOf("#")));
  await again.page.waitForSelector("#origin .origin-part[data-value]");
  if ((await again.page.textContent("#origin .origin-value")) !== shown) fail("origin: the link shows something else");
  await again.page.$$eval(".chart .tools button:first-child", (buttons) => buttons.forEach((button) => button.click()));
  await accessible(again.page, "origin with tables");
  if (shots) await again.page.screenshot({ path: join(shots, "origin-1280-light.png") });
  // By keyboard into a chart, one mark on, and ask it.
  await page.focus("svg .ask[tabindex='0']");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.waitForSelector("#origin .origin-part[data-value]").catch(() => fail("origin: a mark does not answer to the keyboard"));
  for (const error of [...told.errors, ...again.told.errors]) fail(`origin: console: ${error}`);
  console.log(`origin     ${shown.trim()} at ${address.slice(address.indexOf("#"))}`);
  await again.close();
  await close();
}

// The language switch keeps the view; numbers follow it. The theme switch changes the colours.
{
  const { page, close } = await open(fromFile, "#/es/fuerza/cloud?region=ES30");
  await page.click(".switches a[hreflang='en']");
  await page.waitForFunction(() => document.documentElement.lang === "en" && document.querySelector("main h1"));
  if (!page.url().endsWith("#/en/force/cloud?region=ES30")) fail(`language: goes to ${page.url()}`);
  if (!/\d\.\d%/.test(await page.textContent("main .facts"))) fail("language: numbers are not English");
  const colour = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const before = await colour();
  await page.click(".switches button:last-child");
  if ((await colour()) === before) fail("theme: the switch changes nothing");
  for (const [button, type] of [["SVG", "svg"], ["PNG", "png"]]) {
    const [download] = await Promise.all([page.waitForEvent("download"), page.click(`.chart .tools button:text-is("${button}")`)]);
    const file = await download.path();
    if (!download.suggestedFilename().endsWith(`.${type}`) || statSync(file).size < 2_000) fail(`download: ${download.suggestedFilename()}`);
    if (shots) await download.saveAs(join(shots, `chart.${type}`));
  }
  await close();
}

// Each drawn cell of the heat map beside the mart.
{
  const { page, close } = await open(fromFile, "#/es/regiones-y-actividades?indicator=E_AI_TANY+PC_ENT");
  const drawn = await page.evaluate(async () => {
    const rows = await tejido.load("matrix", "E_AI_TANY", "ES");
    const cells = [...document.querySelectorAll("svg .ask[data-origin]")].map((node) => [node.dataset.origin, node.dataset.value ?? null]);
    return { cells, file: Object.fromEntries(rows.map((row) => [`${row.snapshot}:${row.cell}`, row.share])), names: rows.length };
  });
  let mart = drawn.file;
  if (process.env.TEJIDO) {
    const sql = `select substring("snapshot", 1, 16) || ':' || cast(cell as varchar) as origin, share from ict_adoption where indicator = 'E_AI_TANY' and size_class = 'GE10' and region like 'ES%'`;
    // Into a file: the standard output of a child of node is a socket, which DuckDB can not write to.
    const answer = join(mkdtempSync(join(tmpdir(), "tejido-")), "mart.json");
    execFileSync(process.env.TEJIDO, ["query", sql, "-o", answer], { stdio: "ignore" });
    const rows = JSON.parse(readFileSync(answer, "utf8"));
    mart = Object.fromEntries(rows.map((row) => [row.origin, row.share]));
  }
  const wrong = drawn.cells.filter(([origin, value]) => !(origin in mart) || (mart[origin] === null ? value !== null : Number(value) !== mart[origin]));
  for (const [origin, value] of wrong.slice(0, 5)) fail(`heat map: ${origin} is drawn as ${value}, the mart has ${mart[origin]}`);
  if (drawn.cells.length < 50) fail(`heat map: only ${drawn.cells.length} cells`);
  console.log(`heat map   ${drawn.cells.length} cells, ${wrong.length} other than in the ${process.env.TEJIDO ? "mart" : "data file"}`);
  await close();
}

// The briefing fits two sheets of A4.
{
  const { page, close } = await open(fromFile, views.briefing);
  const pdf = await page.pdf({ preferCSSPageSize: true, path: shots ? join(shots, "briefing.pdf") : undefined });
  const pages = (pdf.toString("latin1").match(/\/Type\s*\/Page[^s]/g) || []).length;
  if (pages !== 2) fail(`briefing: ${pages} pages`);
  console.log(`briefing   ${pages} pages`);
  await close();
}

await browser.close();
server.close();
console.log(failures.length ? `${failures.length} failed` : "all passed");
process.exit(failures.length ? 1 : 0);
