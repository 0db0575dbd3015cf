// Looks at a report in headless Chromium, from a file and over HTTP: no page may write errors to the console or ask other
// hosts, load more than 5 MB or take a second to its first paint; axe-core finds nothing serious; a click shows a lineage
// that can be linked; every number in a table can be asked, and its panel says the same number and the SQL that made it; what
// is packed comes out whole; the heat map has the values of the mart.
//
//   npm install --no-save playwright-core axe-core
//   TEJIDO_CHROMIUM=/usr/bin/chromium node src/report/dev/check.mjs data/published/report [SCREENSHOTS]
//
// With VIEWS=force,quality in the environment only these are looked at. With TEJIDO=<the program> the heat map is compared with `tejido query`, otherwise with its data file.
import { execFileSync } from "node:child_process";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
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
// On a machine with nothing else to do; tests run beside each other and set no limit.
const MAX_PAINT_MS = Number(process.env.MAX_PAINT_MS ?? 1_000);
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
const looked = Object.entries(views).filter(([name]) => !process.env.VIEWS || process.env.VIEWS.split(",").includes(name));

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
  await page.waitForFunction(() => document.body.dataset.ready, null, { timeout: 60_000 }).catch(() => told.errors.push("not ready after 60 s"));
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
for (const [name, hash] of looked) {
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
    // What stands in a column of numbers, or large on its own, is a button; years, and sizes of files, are no rows of a mart.
    const nameless = await page.evaluate(() => [...document.querySelectorAll("title, [aria-label]")]
      .map((node) => node.getAttribute("aria-label") ?? node.textContent).filter((words) => /undefined|NaN|\[object/.test(words)));
    for (const words of nameless) fail(`${name}: a label says \`${words}\``);
    const mute = await page.evaluate(() => [...document.querySelectorAll("main td.number, main .facts dd, main .lead")].flatMap((cell) => {
      const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walker.nextNode()) {
        const node = walker.currentNode;
        if (/\d/.test(node.data) && !node.parentElement.closest("button.value, small, [data-plain]")) texts.push(node.data);
      }
      return texts;
    }).filter((text) => !/ 10 |5G/.test(text)));
    if (mute.length) fail(`${name}: ${mute.length} numbers that can not be asked, such as ${mute[0]}`);
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
console.log(`views      ${looked.length}, largest ${(largest / 1e6).toFixed(2)} MB, slowest first paint ${Math.round(slowest)} ms`);

// Of each column of each file one number: its panel has it, and the SQL of its model.
{
  const seen = new Set();
  for (const [name, hash] of looked) {
    const { page, told, close } = await open(fromFile, hash);
    await page.$$eval(".chart .tools button:first-child", (buttons) => buttons.forEach((button) => button.click()));
    const kinds = await page.$$eval("main button.value[data-number], .banner button.value[data-number]", (buttons) => buttons.map((button, i) => {
      button.dataset.i = i;
      const [file, column] = button.dataset.number.split("~");
      return { i, kind: `${file.split("/")[0]}~${column}` };
    }));
    for (const { i, kind } of kinds) {
      if (seen.has(kind)) continue;
      seen.add(kind);
      await page.evaluate((place) => document.querySelector(`button[data-i="${place}"]`).click(), i);
      const found = await page.waitForFunction(() => document.querySelector("#origin .origin-part[data-number]") && ({
        value: document.querySelector("#origin .origin-part[data-number]").dataset.value,
        text: document.querySelector("#origin .origin-value .value").textContent,
        sql: document.querySelector("#origin pre.sql")?.textContent ?? null,
        manifest: !!document.querySelector("#origin a[href='../manifest.json']"),
      }), null, { timeout: 60_000 }).then((handle) => handle.jsonValue()).catch(() => null);
      const button = await page.$eval(`button[data-i="${i}"]`, (node) => node.textContent);
      if (!found) fail(`${name}: the panel of ${kind} does not know it`);
      else {
        if (!found.manifest && !/select/i.test(found.sql || "")) fail(`${name}: the panel of ${kind} has no SQL`);
        // A sum and a count are added up again by the panel; in the table stands what the page added up.
        if (/~(count|sum)/.test(kind) && found.text !== button) fail(`${name}: ${kind} is ${button}, its panel says ${found.text}`);
        if (!/~(count|sum)/.test(kind) && !/(divisions|members|gap|lag)/.test(kind) && typeof found.value === "string" && /^-?[\d.]+$/.test(found.value)) {
          const rounded = await page.evaluate((value) => [0, 1, 2].flatMap((digits) => [tejido.number(value, digits), tejido.number(Math.ceil(value)), tejido.number(Math.floor(value))]
            .concat([String(Math.ceil(value)), String(Math.floor(value))])), Number(found.value));
          if (!rounded.some((text) => button.replace("+", "").startsWith(text))) fail(`${name}: ${kind} is ${button}, its row has ${found.value}`);
        }
      }
      if (seen.size % 12 === 1) await accessible(page, `panel of ${kind}`);
      if (shots && ["overview~rank_in_country", "quality~missing_percent", "needs~lag_points"].includes(kind)) await page.screenshot({ path: join(shots, `panel-${kind.replace("~", "-")}.png`) });
      await page.keyboard.press("Escape");
    }
    for (const error of told.errors) fail(`${name}: a panel: console: ${error}`);
    await close();
  }
  if (seen.size < 50 && !process.env.VIEWS) fail(`numbers: only ${seen.size} kinds`);
  console.log(`numbers    ${seen.size} columns and counts asked`);
}

// What is packed comes out whole: as many rows as there are cells, each where its part begins, and each text says its value.
{
  const { page, told, close } = await open(fromFile, views.quality);
  const read = await page.evaluate(async () => {
    const parts = await tejido.load("lineage_parts");
    const snapshots = await tejido.snapshots();
    const sum = { cells: 0, rows: 0, texts: 0, wrong: [] };
    for (const { snapshot, firsts, cells } of parts) {
      sum.cells += cells;
      for (const [part, first] of firsts.split(" ").entries()) {
        const rows = await tejido.load("lineage", snapshot, String(part));
        sum.rows += rows.length;
        if (rows[0].cell !== Number(first)) sum.wrong.push(`${snapshot}/${part} begins with ${rows[0].cell}`);
        for (const row of rows) {
          if (row.before == null) continue;
          sum.texts += 1;
          if (row.text == null || row.value == null) continue;
          const text = row.text.trim();
          // In INE's csv_c a comma is the mark of decimals, too, and what is behind belongs to the number.
          const numbers = [text, text.replaceAll(".", "").replace(",", "."), text + row.behind.replace(/^,(\d+).*$/s, ".$1")].map(Number);
          if (text !== "-" && !numbers.includes(row.value)) sum.wrong.push(`${snapshot}:${row.cell} says ${text} and not ${row.value}`);
        }
        tejido.loading.delete(["lineage", snapshot, String(part)].join("/"));
      }
    }
    return { ...sum, snapshots: snapshots.size };
  });
  for (const wrong of read.wrong.slice(0, 5)) fail(`lineage: ${wrong}`);
  if (read.rows !== read.cells || !read.rows) fail(`lineage: ${read.rows} rows of ${read.cells} cells`);
  if (read.texts < read.rows / 2) fail(`lineage: only ${read.texts} of ${read.rows} cells have their bytes`);
  for (const error of told.errors) fail(`lineage: console: ${error}`);
  const files = readdirSync(join(folder, "data/lineage"), { recursive: true }).map((name) => statSync(join(folder, "data/lineage", name))).filter((file) => file.isFile());
  const bytes = files.reduce((total, file) => total + file.size, 0);
  if (bytes / read.rows > 120) fail(`lineage: ${Math.round(bytes / read.rows)} bytes a cell`);
  console.log(`lineage    ${read.rows} cells of ${read.snapshots} snapshots in ${files.length} files, ${(bytes / read.rows).toFixed(0)} bytes each, ${read.wrong.length} wrong`);
  await close();
}

// The chart of revisions, of made-up ones, since a first build has none; that of clusters in pairs beside its file; sizes.
{
  const { page, told, close } = await open(fromFile, views.quality);
  const drawn = await page.evaluate(async () => {
    const made = [["2026-01-31", "revised", 12], ["2026-01-31", "withdrawn", 3], ["2026-02-28", "flagged", 5]].map(([day, change, cells]) =>
      ({ day, source: "one__t", dataset: "t", change, cells, largest: 1.5, provenance: "synthetic", [tejido.from]: { name: "revision_days", part: [] } }));
    tejido.loading.set("revision_days", Promise.resolve(made));
    await tejido.render({ again: true });
    const chart = [...document.querySelectorAll("figure.chart")].find((node) => node.textContent.includes(tejido.t("revisions_chart")));
    await new Promise((done) => setTimeout(done, 300));
    chart?.querySelector(".tools button").click();
    return chart && { marks: [...chart.querySelectorAll("svg .ask")].map((node) => [node.dataset.number, Number(node.dataset.value)]), rows: chart.querySelectorAll("tbody tr").length };
  });
  if (!drawn || drawn.marks.length !== 3 || drawn.rows !== 3) fail(`revisions: the chart has ${JSON.stringify(drawn)}`);
  else if (drawn.marks.reduce((sum, [, cells]) => sum + cells, 0) !== 20 || !drawn.marks.every(([number]) => number.startsWith("revision_days~cells~2026-"))) fail(`revisions: the marks are ${JSON.stringify(drawn.marks)}`);
  if (shots) await page.screenshot({ path: join(shots, "revisions-1280-light.png"), fullPage: true });
  for (const error of told.errors) fail(`revisions: console: ${error}`);
  await close();
  const pairs = await open(fromFile, views.clusters);
  const both = await pairs.page.evaluate(async () => ({ file: (await tejido.load("overlaps")).map((row) => row.common_share).sort((a, b) => a - b),
    chart: [...document.querySelectorAll("figure.chart svg .ask")].map((node) => Number(node.dataset.value)).sort((a, b) => a - b) }));
  if (!both.file.length || JSON.stringify(both.file) !== JSON.stringify(both.chart)) fail(`overlaps: drawn are ${both.chart}, the file has ${both.file}`);
  await pairs.close();
  const sizes = await open(fromFile, views.force);
  const marks = await sizes.page.evaluate(() => [...document.querySelectorAll("figure.chart")].find((node) => node.textContent.includes(tejido.t("sizes_title")))?.querySelectorAll("svg .ask").length);
  if (!(marks >= 3)) fail(`sizes: ${marks} marks`);
  await sizes.close();
  console.log(`charts     ${drawn?.marks.length} revisions, ${both.chart.length} pairs of clusters, ${marks} sizes`);
}

// A click on a figure shows its origin, whose link opens it again; Escape closes it and gives the focus back.
{
  const { page, told, close } = await open(fromFile, views.force);
  await page.click("main .facts button.value");
  await page.waitForSelector("#origin .origin-part[data-value]");
  const shown = await page.textContent("#origin .origin-value");
  // Where the bytes stand is said in the page's language.
  const place = async (on) => (await on.textContent("#origin .excerpt figcaption")) ?? "";
  if (!/línea [\d.]+, columna [\d.]+, byte [\d.]+/.test(await place(page))) fail(`origin: the place in Spanish is ${await place(page)}`);
  // The panel lies over the switch.
  await page.$eval(".switches a[hreflang='en']", (link) => link.click());
  await page.waitForFunction(() => document.documentElement.lang === "en" && document.querySelector("#origin .excerpt"));
  if (!/line [\d,]+, column [\d,]+, byte [\d,]+/.test(await place(page))) fail(`origin: the place in English is ${await place(page)}`);
  await page.goBack();
  await page.waitForFunction(() => document.documentElement.lang === "es" && document.querySelector("#origin .origin-part[data-value]"));
  await page.keyboard.press("Escape");
  await page.waitForFunction(() => document.getElementById("origin").hidden);
  await page.click("main .facts button.value");
  await page.waitForSelector("#origin .origin-part[data-value]");
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

// The briefing of every cluster fits two sheets of A4, in each language, and nothing is wider than they are.
for (const [language, slug] of [["es", "informe"], ["en", "briefing"]]) {
  const first = await open(fromFile, `#/${language}/${slug}`);
  const clusters = await first.page.$$eval(".briefing select option", (options) => options.map((option) => option.value));
  await first.close();
  if (!clusters.length) fail(`briefing: no clusters in ${language}`);
  for (const cluster of clusters) {
    const { page, told, close } = await open(fromFile, `#/${language}/${slug}/${cluster}`);
    const pdf = await page.pdf({ preferCSSPageSize: true, path: shots ? join(shots, `briefing-${language}-${cluster}.pdf`) : undefined });
    const pages = (pdf.toString("latin1").match(/\/Type\s*\/Page[^s]/g) || []).length;
    if (pages !== 2) fail(`briefing of ${cluster} (${language}): ${pages} pages`);
    await page.emulateMedia({ media: "print" });
    // A4 less its margins, at 96 dots an inch.
    await page.setViewportSize({ width: 680, height: 1000 });
    const wide = await page.evaluate(() => document.documentElement.scrollWidth);
    if (wide > 681) fail(`briefing of ${cluster} (${language}): ${wide} pixels wide on paper`);
    for (const error of told.errors) fail(`briefing of ${cluster} (${language}): console: ${error}`);
    await close();
  }
  console.log(`briefing   ${clusters.length} clusters in ${language}, two pages each`);
}

// What the models say of themselves is in the page's language.
{
  const { page, close } = await open(fromFile, views.dictionary);
  const english = await page.$$eval("main [lang=en]", (nodes) => nodes.length);
  if (english) fail(`dictionary: ${english} texts in English on the Spanish page`);
  await close();
}

await browser.close();
server.close();
console.log(failures.length ? `${failures.length} failed` : "all passed");
process.exit(failures.length ? 1 : 0);
