// A figure is a button that opens its origin. Its form says what it is, beside the words: a synthetic one has a hollow
// diamond and is italic, an estimated one the sign of about, and the source's flags stand behind it.
"use strict";

// Of a row: where its figure and those of the given prefixes were read. [{ snapshot, cell, role }]
tejido.origins = (row, prefixes = []) =>
  ["", ...prefixes.map((prefix) => `${prefix}_`)]
    .map((prefix) => ({
      snapshot: row[`${prefix}snapshot`], cell: row[`${prefix}cell`], role: prefix.slice(0, -1) || null,
    }))
    .filter((origin) => origin.snapshot);

// "snapshot:cell snapshot:cell", with whole hashes, as some marts have it.
tejido.cellList = (text, role = null) =>
  (text || "").split(/\s+/).filter(Boolean).map((pair) => {
    const [snapshot, cell] = pair.split(":");
    return { snapshot: snapshot.slice(0, 16), cell: cell == null ? null : Number(cell), role };
  });

tejido.originParameter = (origins) =>
  origins.map(({ snapshot, cell, role }) => [snapshot, cell ?? "", role ?? ""].join(":").replace(/:+$/, "")).join(",");

tejido.parseOrigins = (text) =>
  text.split(",").map((entry) => {
    const [snapshot, cell, role] = entry.split(":");
    return { snapshot, cell: cell ? Number(cell) : null, role: role || null };
  });

// Flags of the source that say that a figure is no plain observation.
tejido.isEstimated = (flags) => /[efips]/.test(flags || "");

tejido.flagWords = (flags) => [...(flags || "")].map((flag) => tejido.codeName("flags", flag));

// What a figure is, in words: "synthetic; low reliability".
tejido.kindWords = (row) =>
  [row.provenance && row.provenance !== "none" ? tejido.t(`provenance_${row.provenance}`) : null,
    ...tejido.flagWords(row.flags).map((word) => word.toLowerCase())].filter(Boolean).join("; ");

// The marks behind a figure, for eyes only; the words stand in its label.
tejido.marks = (row) =>
  [row.provenance === "synthetic" ? "◇" : "", tejido.isEstimated(row.flags) ? "≈" : "",
    [...(row.flags || "")].filter((flag) => /[bcdnruz]/.test(flag)).join("")].join("");

// text: the figure as it is shown. row: its provenance and flags. origins: where it was read. label: what it is. numbers: the
// addresses of the rows of marts that it stands in (number.js).
tejido.figure = function figure(text, row, origins, label, numbers = []) {
  const { h } = tejido;
  const marks = tejido.marks(row);
  const kind = tejido.kindWords(row);
  const content = [text, marks ? h("span", { class: "marks", "aria-hidden": "true" }, marks) : null];
  if (!text) return h("span", { class: "missing" }, tejido.t(/c/.test(row.flags || "") ? "confidential" : "no_value"));
  const addresses = numbers.filter(Boolean);
  if (!origins.length && !addresses.length) return h("span", { class: `value ${row.provenance}` }, content, tejido.hidden(` (${kind})`));
  return h("button", {
    type: "button", class: `value ${row.provenance || ""}`, "data-origin": tejido.originParameter(origins) || null,
    "data-number": addresses.join(",") || null,
    "aria-label": `${label ? `${label}: ` : ""}${text}${/[a-z]/.test(marks) ? marks : ""}${kind ? ` (${kind})` : ""}. ${tejido.t("ask_origin")}`,
    title: kind || null,
    onclick: () => tejido.ask(origins, addresses),
  }, content);
};

// A column of a row as it is computed: the text, what it is of, and the cells that it was computed from.
tejido.computed = (row, column, text, label, origins = [], kind = row) => tejido.figure(text, kind, origins, label, [tejido.asked(row, column)]);

// A count of rows, or a sum.
tejido.count = (value, address, label) => tejido.figure(tejido.number(value), {}, [], label, [address]);

tejido.ask = function ask(origins, numbers = []) {
  tejido.lineage.from = document.activeElement;
  tejido.go(tejido.linkWith({ origin: tejido.originParameter(origins) || null, number: numbers.filter(Boolean).join(",") || null }));
};

// What the marks mean, once a page.
tejido.key = function key() {
  const { h, t } = tejido;
  return h("p", { class: "key" },
    h("span", {}, h("b", {}, t("provenance_official")), ` ${t("key_official")}`),
    h("span", { class: "synthetic" }, h("b", { "aria-hidden": "true" }, "◇ "), h("b", {}, t("provenance_synthetic")), ` ${t("key_synthetic")}`),
    h("span", {}, h("b", { "aria-hidden": "true" }, "≈ "), h("b", {}, t("estimated")), ` ${t("key_estimated")}`),
    ["u", "b", "c"].map((flag) => h("span", {}, h("b", {}, flag), ` ${tejido.codeName("flags", flag).toLowerCase()}`)),
    h("span", {}, t("key_ask")));
};

// A share and the row that it stands in: the usual case.
tejido.share = (row, label, digits = 1) => tejido.figure(tejido.percent(row.share, digits), row, tejido.origins(row), label,
  [row.snapshot ? null : tejido.asked(row, "share")]);

// A difference of two figures, with a mark for its sign, so that colour is not needed. It is official only if both are.
tejido.gap = function gap(value, row, prefixes, label, column = null) {
  if (value == null) return tejido.h("span", { class: "missing" }, tejido.t("no_comparison"));
  const theirs = prefixes.map((prefix) => row[`${prefix}_provenance`]).filter((one) => one != null);
  const all = theirs.length === prefixes.length ? [row.provenance, ...theirs] : [row.row_provenance ?? row.provenance];
  const provenance = all.every((one) => one === "official") ? "official" : "synthetic";
  const node = tejido.figure(tejido.points(value), { provenance, flags: row.flags }, tejido.origins(row, prefixes), label, [column && tejido.asked(row, column)]);
  node.classList.add(value < 0 ? "behind" : "ahead");
  return node;
};
