// Numbers that were computed: which row of which mart one stands in, what the row was computed from, and the SQL that did it.
// An address is `file[/part…]~column~key~key…` for a column of a row, and `file[/part…]~count` or `…~sum.column`, each with
// `~column=value` for what was counted or added up. The keys are those of `-- key:` in the file's SQL.
"use strict";

// The address of a column of a row; null for rows that were put together on the page.
tejido.asked = function asked(row, column) {
  const from = row && row[tejido.from];
  const shape = from && tejido.build.shapes[from.name];
  if (!shape) return null;
  const keys = shape.key.map((key) => tejido.fileName(String(row[key] ?? "")));
  return [[from.name, ...from.part.map(tejido.fileName)].join("/"), column, ...keys].join("~");
};

// The address of a count of the rows of a file, or of a sum of theirs, where these columns have these values.
tejido.counted = (name, part = [], where = {}, what = "count") =>
  [[name, ...part.map(tejido.fileName)].join("/"), what,
    ...Object.entries(where).map(([column, value]) => `${column}=${tejido.fileName(String(value ?? ""))}`)].join("~");

tejido.parseNumber = function parseNumber(address) {
  const [path, column, ...rest] = address.split("~");
  const [name, ...part] = path.split("/").map(decodeURIComponent);
  const isSum = column === "count" || column.startsWith("sum.");
  return { name, part, column, isSum, keys: isSum ? [] : rest.map(decodeURIComponent),
    where: isSum ? rest.map((pair) => [pair.slice(0, pair.indexOf("=")), decodeURIComponent(pair.slice(pair.indexOf("=") + 1))]) : [] };
};

// What a code says in the page's language.
tejido.codeText = function codeText(column, value, row = {}) {
  if (value == null || value === "") return "–";
  switch (column.replace(/^(other|best)_/, "")) {
    case "region": return tejido.regionName(value);
    case "sector": return tejido.sectorName(value, true);
    case "indicator": return tejido.indicatorName(value, row.unit);
    case "size_class": return tejido.codeName("sizes", value);
    case "unit": return tejido.codeName("units", value);
    case "cluster": return tejido.clusterName(value);
    case "force": return tejido.forceName(value);
    case "change": return tejido.t(`change_${value}`);
    case "anomaly": return tejido.t(`anomaly_${value}`);
    case "vintage": case "newest_vintage": return tejido.moment(value);
    case "day": return tejido.date(value);
    default: return String(value);
  }
};

// A number as its column has it.
tejido.shown = function shown(column, value, row = {}) {
  if (value == null) return "–";
  if (typeof value !== "number") return tejido.codeText(column, value, row);
  if (/share|percent/.test(column) || (/value|lowest|highest/.test(column) && /^PC/.test(row.unit || ""))) return tejido.percent(value, 2);
  if (/points|difference/.test(column)) return tejido.points(value, 2);
  if (/_in_year|_from_year|_to_year|_year$/.test(column)) return String(Math.round(value * 10) / 10);
  return tejido.number(value, Number.isInteger(value) ? 0 : 2);
};

// The number behind a path; of a record of several, their sum.
tejido.amount = function amount(row, path) {
  const value = path.split(".").reduce((one, name) => (one == null ? null : one[name]), row);
  return typeof value === "object" && value ? Object.values(value).reduce((sum, one) => sum + one, 0) : Number(value ?? 0);
};

tejido.lineage.number = async function number(address) {
  const { h, t } = tejido;
  const asked = tejido.parseNumber(address);
  const shape = tejido.build.shapes[asked.name] || { key: [], part: [], of: null };
  const [rows, models, dictionary] = await Promise.all([tejido.load(asked.name, ...asked.part), tejido.load("models"), tejido.load("dictionary")]);
  const model = models.find((one) => one.name === shape.of);
  if (asked.isSum) return tejido.lineage.sum(asked, shape, rows, model);
  const row = rows.find((one) => shape.key.every((key, i) => String(one[key] ?? "") === asked.keys[i]));
  if (!row) return h("section", { class: "origin-part" }, h("p", {}, t("number_unknown")));
  const meaning = dictionary.find((one) => one.table_name === shape.of && one.column_name === asked.column);
  const named = { ...row, ...Object.fromEntries(shape.part.map((column, i) => [column, asked.part[i]])) };
  const keys = [...shape.part, ...shape.key];
  const value = row[asked.column];
  const provenance = row.row_provenance || row.provenance;
  return h("section", { class: "origin-part", "data-number": address, "data-value": value },
    h("h3", {}, t(shape.sum ? "number_of_rows" : "number_of_row", { mart: shape.of })),
    h("p", { class: "origin-value" }, h("b", { class: `value ${provenance || ""}` }, tejido.shown(asked.column, value, row)), " ",
      provenance ? h("span", { class: `tag ${provenance}` }, t(`provenance_${provenance}`)) : null,
      tejido.flagWords(row.flags).map((word) => [" ", h("span", { class: "tag" }, word)])),
    tejido.lineage.list([
      [t("column"), [h("code", {}, asked.column), meaning ? [" ", tejido.said(meaning.description, meaning[`description_${tejido.language}`])] : null]],
      ...keys.map((key) => [h("code", {}, key), tejido.keyText(key, named[key], named)]),
    ]),
    await tejido.lineage.compared(asked, named),
    shape.sum ? await tejido.lineage.behind(shape.sum, keys, named, asked.column) : null,
    model ? await tejido.lineage.inputs(models, model, named, shape.sum, asked.column) : null,
    tejido.lineage.model(model, shape.sum ? null : tejido.explainCommand(model, keys, named), shape.sum ? tejido.statement(shape.of, keys, named) : null));
};

tejido.keyText = (key, value, row) => {
  const text = tejido.codeText(key, value, row);
  return text === String(value) ? text : [text, " ", tejido.h("code", {}, String(value))];
};

// The model that made it: what a row of it is, how to ask the program, and its SQL.
tejido.lineage.model = function model(one, command, statement) {
  const { h, t } = tejido;
  if (!one) return null;
  return h("div", { class: "model" },
    h("h4", {}, t("model_title"), " ", h("a", { href: tejido.link("dictionary", one.name, tejido.carried()) }, h("code", {}, one.name))),
    h("p", {}, tejido.said(one.description, (one.translations || {})[tejido.language])),
    command ? h("p", {}, t("explain_with"), " ", h("code", { class: "command" }, command)) : null,
    statement ? h("p", {}, t("rows_with"), " ", h("code", { class: "command" }, statement)) : null,
    h("p", { class: "muted" }, t("model_reads"), " ", (one.reads || []).map((name, i) => [i ? ", " : "", h("code", {}, name)])),
    h("details", {}, h("summary", {}, t("model_sql")), h("pre", { tabindex: 0, class: "sql", role: "region", "aria-label": t("model_sql") }, one.sql.trim())));
};

tejido.quoted = (value) => (value == null || value === "" ? "null" : typeof value === "number" ? String(value) : `'${String(value).replaceAll("'", "''")}'`);

tejido.explainCommand = (model, keys, row) => (model ? `tejido explain ${model.name} ${keys.filter((key) => row[key] != null && row[key] !== "" && model.grain.includes(key))
  .map((key) => `${key}=${/^[\w.+:-]+$/.test(row[key]) ? row[key] : `'${row[key]}'`}`).join(" ")}` : null);

tejido.statement = (table, keys, row, more) => {
  const where = [...keys.filter((key) => key !== "day").map((key) => `${key} ${row[key] == null || row[key] === "" ? "is" : "="} ${tejido.quoted(row[key])}`),
    ...keys.filter((key) => key === "day").map((key) => `cast(vintage as date) = date ${tejido.quoted(row[key])}`), more].filter(Boolean).join(" and ");
  return `select * from ${table}${where ? ` where ${where}` : ""}`;
};

// Rows of a data file, each a button of its own: what distinguishes them, and the number that is asked for.
tejido.lineage.rows = function rows(list, shape, column, weight = null) {
  const { h, t } = tejido;
  if (!list.length) return h("p", { class: "muted" }, t("no_such_rows"));
  const measure = [column, "lag_points", "found_value", "share", "difference", "new_value", "cells", "members", "failing_rows", "loaded"].find((name) => name && name in list[0]);
  const keys = (shape.key.length ? shape.key : Object.keys(list[0]).filter((key) => typeof list[0][key] === "string"))
    .filter((key) => list.length === 1 || list.some((row) => row[key] !== list[0][key]));
  const make = (some) => h("ul", { class: "rows" }, some.map((row) => h("li", {},
    h("span", {}, keys.map((key) => tejido.codeText(key, row[key], row)).join(" · ")), " ",
    h("span", { class: "amount" }, measure ? tejido.figure(tejido.shown(measure, row[measure], row), row, tejido.origins(row), keys.map((key) => row[key]).join(", "), [tejido.asked(row, measure)]) : null,
      weight && row[weight] != null ? ` × ${tejido.number(row[weight])}` : null))));
  return tejido.first(list, make, tejido.lineage.most);
};

// What was counted or added up.
tejido.lineage.sum = function sum(asked, shape, all, model) {
  const { h, t } = tejido;
  if (asked.name === "models") return tejido.lineage.ofModel(all.find((one) => asked.where.every(([column, value]) => one[column] === value)));
  const path = asked.column === "count" ? null : asked.column.slice(4);
  // `column!=value` is so where it is another one.
  const matching = all.filter((row) => asked.where.every(([column, value]) => (column.endsWith("!")
    ? String(row[column.slice(0, -1)] ?? "") !== value : String(row[column] ?? "") === value)));
  const counted = path ? matching.filter((row) => tejido.amount(row, path)) : matching;
  const value = path ? counted.reduce((total, row) => total + tejido.amount(row, path), 0) : counted.length;
  const where = Object.fromEntries(asked.where);
  const whole = { ...Object.fromEntries(shape.part.map((column, i) => [column, asked.part[i]])), ...where };
  const table = shape.of || asked.name;
  return h("section", { class: "origin-part", "data-number": [asked.name, asked.column].join("~"), "data-value": value },
    h("h3", {}, shape.of ? t(path ? "number_sum" : "number_count", { table }) : t(`of_${table}`)),
    h("p", { class: "origin-value" }, h("b", { class: "value" }, tejido.number(value))),
    Object.keys(whole).length ? tejido.lineage.list(Object.entries(whole).map(([key, one]) => [h("code", {}, key.replace(/!$/, " ≠")), tejido.keyText(key, one, whole)])) : null,
    shape.of ? null : h("p", {}, t("from_manifest"), " ", h("a", { href: "../manifest.json" }, "manifest.json")),
    path && path.includes(".") || !shape.of && path ? h("ul", { class: "rows" }, counted.map((row) => h("li", {}, h("span", {}, `${row.pipeline} · ${row.dataset}`), " ", h("span", { class: "amount" }, tejido.number(tejido.amount(row, path))))))
      : tejido.lineage.rows(counted, shape, path),
    tejido.lineage.model(model, null, shape.of ? tejido.statement(shape.of, Object.keys(whole), whole) : null));
};

// All rows of a mart.
tejido.lineage.ofModel = function ofModel(one) {
  const { h, t } = tejido;
  if (!one) return h("section", { class: "origin-part" }, h("p", {}, t("number_unknown")));
  return h("section", { class: "origin-part", "data-number": `models~${one.name}`, "data-value": one.rows },
    h("h3", {}, t("number_count", { table: one.name })),
    h("p", { class: "origin-value" }, h("b", { class: "value" }, tejido.number(one.rows))),
    tejido.lineage.list([[t("key"), one.grain.map((key, i) => [i ? ", " : "", h("code", {}, key)])]]),
    tejido.lineage.model(one, null, `select count(*) from ${one.name}`));
};

// The rows of another file that a row was added up from.
tejido.lineage.behind = async function behind(name, keys, row, column) {
  const { h, t } = tejido;
  const shape = tejido.build.shapes[name];
  const rows = (await tejido.load(name, ...shape.part.map((one) => row[one]))).filter((one) =>
    keys.every((key) => !(key in one) || one[key] === row[key]));
  return h("div", {}, h("h4", {}, t("rows_behind", { count: tejido.number(rows.length), mart: shape.of })), tejido.lineage.rows(rows, shape, column));
};

// What the header of the model says in `inputs:`, with the rows themselves where the report has them.
tejido.lineage.inputs = async function inputs(models, model, row, isSum, column) {
  const { h, t } = tejido;
  const named = (table) => [(models.find((one) => one.name === table) || { schema: "main" }).schema, table].join(".").replace(/^main\./, "");
  const parts = await Promise.all((model.inputs || []).map(async (rule) => {
    const known = rule.on.filter(([, mine]) => row[mine] !== undefined);
    // What is added up has not all the columns of the rule; the rows then say it themselves.
    if (isSum && known.length < rule.on.length) return null;
    const wanted = Object.fromEntries(known.map(([theirs, mine]) => [theirs, row[mine]]));
    const file = Object.entries(tejido.build.shapes).find(([, shape]) => shape.of === rule.table && !shape.sum && shape.part.every((part) => part in wanted));
    let shown = null;
    if (file && known.length === rule.on.length) {
      const [name, shape] = file;
      const rows = await tejido.load(name, ...shape.part.map((part) => wanted[part]));
      const free = Object.keys(wanted).filter((one) => !shape.part.includes(one));
      if (!rows.length || free.every((one) => one in rows[0]))
        shown = tejido.lineage.rows(rows.filter((one) => free.every((name) => String(one[name] ?? "") === String(wanted[name] ?? ""))), shape, column, rule.weight);
    }
    return h("div", {}, h("h4", {}, t("input_rows"), " ", h("code", {}, rule.table), rule.weight ? [" ", t("input_weight"), " ", h("code", {}, rule.weight)] : null),
      shown, h("p", {}, t("rows_with"), " ", h("code", { class: "command" }, tejido.statement(named(rule.table), Object.keys(wanted), wanted, rule.condition))));
  }));
  return parts.some(Boolean) ? parts : null;
};

// The regions that a place is one of.
tejido.lineage.compared = async function compared({ name, column }, row) {
  const { h, t } = tejido;
  if (name !== "overview" || column !== "rank_in_country") return null;
  const country = (tejido.names.regions.get(row.region) || {}).country;
  const rows = (await tejido.load("levels", row.indicator)).filter((one) => one.unit === row.unit && one.publisher === row.publisher
    && one.time_period === row.time_period && one.sector === row.sector && one.size_class === row.size_class && one.share != null
    && one.region.length === 4 && (tejido.names.regions.get(one.region) || {}).country === country);
  const ranked = tejido.oneSource(rows).sort((a, b) => b.share - a.share);
  return h("div", {}, h("h4", {}, t("compared_regions", { count: ranked.length })), h("ol", { class: "rows" }, ranked.map((one) => h("li", { value: 1 + ranked.filter((other) => other.share > one.share).length },
    h(one.region === row.region ? "b" : "span", {}, tejido.regionName(one.region)), " ", tejido.share(one, tejido.regionName(one.region), 2)))));
};
