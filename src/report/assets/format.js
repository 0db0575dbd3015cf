// Numbers, dates and names in the language of the page.
"use strict";

// A text of the page's language; {name} in it is replaced by values.name.
tejido.t = function t(key, values = {}) {
  const text = tejido.text[tejido.language][key];
  if (text === undefined) throw new Error(`text ${key}`);
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
};

// The same with elements among the values: the pieces of the sentence. A full stop behind an element stays in its line.
tejido.sentence = function sentence(key, values = {}) {
  const pieces = tejido.text[tejido.language][key].split(/\{(\w+)\}/).map((piece, i) => (i % 2 ? values[piece] ?? "" : piece));
  return pieces.map((piece, i) => {
    if (i % 2) {
      const mark = /^[.,;:)]/.exec(pieces[i + 1]);
      return piece instanceof Node && mark ? tejido.h("span", { class: "together" }, piece, mark[0]) : piece;
    }
    return i && pieces[i - 1] instanceof Node ? piece.replace(/^[.,;:)]/, "") : piece;
  });
};

tejido.locale = () => ({ es: "es-ES", en: "en-GB" })[tejido.language];

tejido.number = (value, digits = 0) =>
  value == null ? "" : new Intl.NumberFormat(tejido.locale(),
    { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value).replace("-", "\u2212");

// "10,99 %" in Spanish with a blank that does not break, "10.99%" in English.
tejido.percent = (value, digits = 1) =>
  value == null ? "" : new Intl.NumberFormat(tejido.locale(),
    { style: "percent", minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value / 100);

// A difference in points, always with its sign, and a real minus.
tejido.points = (value, digits = 1) =>
  value == null ? "" : new Intl.NumberFormat(tejido.locale(),
    { signDisplay: "exceptZero", minimumFractionDigits: digits, maximumFractionDigits: digits })
    .format(value).replace("-", "\u2212");

tejido.bytes = function bytes(value) {
  const [size, unit] = value >= 1e6 ? [value / 1e6, "MB"] : [value / 1e3, "kB"];
  return `${tejido.number(size, size < 10 ? 1 : 0)}\u00a0${unit}`;
};

tejido.date = (text) =>
  text == null ? "" : new Intl.DateTimeFormat(tejido.locale(), { dateStyle: "long", timeZone: "UTC" }).format(new Date(text));

tejido.shortDate = (text) =>
  text == null ? "" : new Intl.DateTimeFormat(tejido.locale(), { dateStyle: "medium", timeZone: "UTC" }).format(new Date(text)).replaceAll(" ", "\u00a0");

tejido.moment = (text) =>
  text == null ? "" : `${new Intl.DateTimeFormat(tejido.locale(),
    { dateStyle: "medium", timeStyle: "medium", timeZone: "UTC" }).format(new Date(text))} UTC`;

tejido.named = (row, field = "name") => row[`${field}_${tejido.language}`] || row[`${field}_en`];

tejido.regionName = (code) => {
  if (code === "EU27_2020") return tejido.t("eu");
  if (code === "unknown") return tejido.t("unknown");
  const row = tejido.names.regions.get(code);
  return row ? tejido.named(row) : code;
};

// The survey's totals have long names that say what they leave out; where space is short, a short one.
tejido.sectorName = (code, short = false) => {
  if (code === "_Z") return tejido.t("not_applicable");
  const place = tejido.totals.indexOf(code);
  if (short && place >= 0) return `${tejido.t("all_activities")}${place ? ` (${code})` : ""}`;
  const row = tejido.names.sectors.get(code);
  return row ? tejido.named(row) : code;
};

tejido.indicatorName = (indicator, unit) => {
  const row = tejido.names.indicators.get(`${indicator} ${unit}`) || tejido.names.indicatorCodes.get(indicator);
  return row ? tejido.named(row) : indicator;
};

tejido.codeName = (kind, code) => {
  const row = tejido.names[kind].get(code);
  return row ? tejido.named(row) : code;
};

tejido.forceName = (code) => {
  const force = tejido.forces.find((other) => other.force === code);
  return force ? tejido.named(force) : code;
};

// The word of the cluster's own name that its code is made of: "CID", "Alimentación".
tejido.clusterName = (code) => {
  const row = tejido.names.clusters.get(code);
  const plain = (word) => word.normalize("NFD").replace(/[^A-Za-z0-9]/g, "").toLowerCase();
  const word = (row ? row.attribution.split(/[\s,]+/) : []).find((one) => plain(one) === code) || code;
  return word.slice(0, 1).toUpperCase() + word.slice(1);
};

tejido.list = (names) => new Intl.ListFormat(tejido.locale(), { type: "conjunction" }).format(names);

// How wide a text is in a chart, in the page's own typeface; and as much of it as fits.
tejido.measure = function measure(text) {
  const context = (tejido.measure.canvas ||= document.createElement("canvas")).getContext("2d");
  context.font = `12px ${getComputedStyle(document.body).fontFamily}`;
  return context.measureText(text).width;
};
tejido.fit = function fit(text, width) {
  let fitting = text;
  for (let length = text.length; length > 4 && tejido.measure(fitting) > width; length -= 2) fitting = tejido.cut(text, length - 1);
  return fitting;
};
// The margin that these labels need, up to the most that there is.
tejido.labelMargin = (labels, most) => Math.min(most, Math.ceil(Math.max(40, ...labels.map(tejido.measure))) + 12);

// Cuts at a word, for labels in charts; the whole text stands in the table behind.
tejido.cut = (text, length) => {
  if (text.length <= length) return text;
  const head = text.slice(0, length - 1);
  return `${head.slice(0, Math.max(head.lastIndexOf(" "), length - 12)).replace(/[ ,;(]+$/, "")}…`;
};
