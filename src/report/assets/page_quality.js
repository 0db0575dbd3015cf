// What the data are worth: by table, what has changed, what looks wrong, and where sources disagree.
"use strict";

tejido.pages.quality = async function quality(route) {
  const { h, t } = tejido;
  const [tables, revisions, days, anomalies, disagreements, snapshots] = await Promise.all(
    ["quality", "revisions", "revision_days", "anomalies", "disagreements", "snapshots"].map((name) => tejido.load(name)));
  const downloads = (row) => snapshots.filter((one) => one.pipeline === row.source && one.dataset === row.dataset)
    .map((one) => ({ snapshot: one.snapshot, cell: null, role: "table" }));
  const { build } = tejido;
  const total = (name, rows, column, label) =>
    tejido.count(rows.reduce((sum, row) => sum + row[column], 0), tejido.counted(name, [], {}, `sum.${column}`), label);
  // A file has the newest rows only; where there are more, the mart is asked.
  const marts = (name, rows, label) => (build.rows[build.shapes[name].of] > rows.length
    ? tejido.count(build.rows[build.shapes[name].of], tejido.counted("models", [], { name: build.shapes[name].of }, "sum.rows"), label)
    : tejido.count(rows.length, tejido.counted(name), label));
  const fact = (name, value, note) => h("div", {}, h("dt", {}, name), h("dd", {}, value, note ? h("small", {}, note) : null));
  return [
    tejido.heading(t("page_quality"), t("quality_lead")),
    h("dl", { class: "facts" },
      fact(t("cells"), total("quality", tables, "cells", t("cells")), [total("quality", tables, "cells_with_value", t("with_value")), ` ${t("with_value").toLowerCase()}`]),
      fact(t("audits"), tejido.count(build.audits.passed, tejido.counted("audits", [], { failing_rows: 0 }), t("audits")),
        build.audits.warned ? [tejido.count(build.audits.warned, tejido.counted("audits", [], { "failing_rows!": 0 }), t("audits_warned")), ` ${t("audits_warned")}`] : null),
      fact(t("quarantined"), tejido.count(build.quarantined, tejido.counted("pipelines", [], {}, "sum.quarantined"), t("quarantined"))),
      fact(t("revisions_title"), total("revision_days", days, "cells", t("revisions_title"))),
      fact(t("anomalies"), marts("anomalies", anomalies, t("anomalies"))),
      fact(t("disagreements"), marts("disagreements", disagreements, t("disagreements")))),
    await tejido.qualityYears(route.query.table),
    h("h2", {}, t("freshness_title")),
    tejido.table(t("freshness_title"), [
      { label: t("table"), head: true, cell: (row) => [
        h("a", { href: tejido.linkWith({ table: row.dataset }), "aria-current": route.query.table === row.dataset ? "true" : null }, row.dataset), h("small", {}, row.source)] },
      { label: t("years"), cell: (row) => h("span", { class: "value" }, row.first_period === row.last_period ? row.first_period : `${row.first_period}–${row.last_period}`) },
      { label: t("newest"), cell: (row) => tejido.computed(row, "newest_vintage", tejido.shortDate(row.newest_vintage), `${row.dataset}, ${t("newest")}`, [], {}) },
      ...tejido.qualityColumns((row) => row.dataset, downloads),
    ], tables, { class: "dense", rowClass: (row) => (row.dataset === route.query.table ? "chosen" : null) }),
    h("h2", {}, t("revisions_title")),
    days.length ? tejido.revisionChart(days) : null,
    revisions.length ? tejido.revisionTable(revisions) : h("p", {}, t("no_revisions")),
    h("h2", {}, t("anomalies_title")), h("p", { class: "muted" }, t("anomalies_note")), tejido.anomalyTable(anomalies),
    h("h2", {}, t("disagreements_title")), disagreements.length ? tejido.disagreementTable(disagreements) : h("p", {}, t("no_such_rows")),
  ];
};

// The numbers of a table, or of an indicator and year of it.
tejido.qualityColumns = function qualityColumns(name, downloads = () => []) {
  const { t } = tejido;
  const percent = (value) => tejido.percent(value, value > 0 && value < 10 ? 1 : 0);
  const column = (label, field, text) => ({ label: t(label), number: true, cell: (row) => (row[field] == null ? "–"
    : tejido.computed(row, field, text(row[field]), `${name(row)}, ${t(label)}`, field === "cells" ? downloads(row) : [], {})) });
  const number = (value) => tejido.number(value);
  return [column("cells", "cells", number), column("with_value", "cells_with_value", number), column("official_share", "official_percent", percent),
    column("suppressed", "suppressed_percent", percent), column("missing", "missing_percent", percent),
    column("low_reliability", "low_reliability_percent", percent), column("breaks", "breaks", number),
    column("anomalies", "anomalies", number), column("disagreements", "disagreements", number)];
};

// Each day on which changes came, the changes of a table and kind stacked.
tejido.revisionChart = function revisionChart(days) {
  const { t } = tejido;
  const kinds = Object.keys(tejido.plots.changes).filter((change) => days.some((row) => row.change === change));
  return tejido.chart({
    title: t("revisions_chart"), note: t("revisions_chart_note"),
    legend: kinds.map((change) => tejido.legendMark({ symbol: "square", colour: tejido.plots.changes[change].colour, name: t(`change_${change}`) })),
    draw: (width, id) => tejido.plots.days(days, width, id, (row) => ({ label: `${tejido.date(row.day)}, ${row.dataset}: ${t("cells_changed", { cells: tejido.number(row.cells), change: t(`change_${row.change}`) })} (${tejido.kindWords(row)})`,
      value: row.cells, origins: [], numbers: [tejido.asked(row, "cells")] })),
    table: () => tejido.table(t("revisions_chart"), [
      { label: t("day"), head: true, cell: (row) => tejido.shortDate(row.day) },
      { label: t("table"), cell: (row) => h_small(row.dataset) },
      { label: t("change"), cell: (row) => t(`change_${row.change}`) },
      { label: t("cells"), number: true, cell: (row) => tejido.computed(row, "cells", tejido.number(row.cells), t("cells")) },
      { label: t("largest_difference"), number: true, cell: (row) => (row.largest == null ? "–" : tejido.computed(row, "largest", tejido.number(row.largest, 2), t("largest_difference"))) },
    ], days),
  });
};

// Long tables show their first rows, and all of them when asked.
tejido.first = function first(rows, make, limit = 10) {
  const { h, t } = tejido;
  if (rows.length <= limit) return make(rows);
  const node = h("div", {}, make(rows.slice(0, limit)), h("p", { class: "muted" }, t("first_rows", { shown: limit, all: tejido.number(rows.length) }), " ",
    h("button", { type: "button", class: "plain", onclick: () => node.replaceChildren(make(rows)) }, t("show_all"))));
  return node;
};

tejido.qualityYears = async function qualityYears(dataset) {
  const { h, t } = tejido;
  if (!dataset || !tejido.has("quality_years", dataset)) return null;
  const rows = await tejido.load("quality_years", dataset);
  return h("section", {}, h("h2", {}, `${t("detail")}: ${dataset}`), tejido.first(rows, (some) => tejido.table(t("detail"), [
    { label: t("indicator"), head: true, cell: (row) => [tejido.indicatorName(row.indicator, row.unit), h("small", {}, `${row.indicator} · ${row.unit}`)] },
    { label: t("year"), cell: (row) => row.time_period },
    ...tejido.qualityColumns((row) => `${row.indicator}, ${row.time_period}`),
  ], some, { class: "dense" }), 40));
};

// What a cell is of: indicator, region, activity, size, year.
tejido.subject = (row) => [tejido.indicatorName(row.indicator, row.unit),
  tejido.h("small", {}, [tejido.regionName(row.region), tejido.sectorName(row.sector, true), tejido.codeName("sizes", row.size_class), row.time_period].join(" · "))];

tejido.inUnit = (value, unit) => (value == null ? "–" : unit.startsWith("PC") ? tejido.percent(value, 2) : tejido.number(value));

tejido.revisionTable = (rows) => tejido.first(rows, (some) => tejido.table(tejido.t("revisions_title"), [
  { label: tejido.t("indicator"), head: true, cell: tejido.subject },
  { label: tejido.t("change"), cell: (row) => tejido.t(`change_${row.change}`) },
  { label: tejido.t("before"), number: true, cell: (row) => tejido.figure(tejido.inUnit(row.old_value, row.unit), { provenance: row.provenance, flags: row.old_flags },
    [{ snapshot: row.old_snapshot, cell: row.old_cell, role: "old" }].filter((origin) => origin.snapshot), tejido.t("before")) },
  { label: tejido.t("after"), number: true, cell: (row) => tejido.figure(tejido.inUnit(row.new_value, row.unit), { provenance: row.provenance, flags: row.new_flags },
    tejido.origins(row), tejido.t("after")) },
  { label: tejido.t("difference"), number: true, cell: (row) => (row.difference == null ? "–" : tejido.computed(row, "difference", tejido.points(row.difference, 2), tejido.t("difference"),
    [{ snapshot: row.old_snapshot, cell: row.old_cell, role: "old" }, ...tejido.origins(row)].filter((origin) => origin.snapshot))) },
  { label: tejido.t("known_since"), cell: (row) => tejido.date(row.vintage) },
], some, { class: "cards" }));

tejido.anomalyTable = (rows) => tejido.first(rows, (some) => tejido.table(tejido.t("anomalies_title"), [
  { label: tejido.t("indicator"), head: true, cell: tejido.subject },
  { label: tejido.t("anomaly"), cell: (row) => tejido.t(`anomaly_${row.anomaly}`) },
  { label: tejido.t("value"), number: true, cell: (row) => tejido.figure(tejido.inUnit(row.share, row.unit), row, tejido.origins(row), tejido.t("value")) },
  { label: tejido.t("beside"), number: true, cell: (row) => (row.lowest_share != null
    ? tejido.figure(`${tejido.number(row.lowest_share, 1)}–${tejido.number(row.highest_share, 1)}`, row, tejido.origins(row, ["lowest", "highest"]).slice(1), tejido.t("beside"))
    : row.previous_share == null ? "–" : tejido.figure(tejido.inUnit(row.previous_share, row.unit), row, tejido.origins(row, ["previous"]).slice(1), tejido.t("beside"))) },
], some, { class: "cards" }));

tejido.disagreementTable = (rows) => tejido.first(rows, (some) => tejido.table(tejido.t("disagreements_title"), [
  { label: tejido.t("indicator"), head: true, cell: tejido.subject },
  { label: tejido.t("value"), number: true, cell: (row) => [tejido.figure(tejido.inUnit(row.share, row.unit), row, tejido.origins(row), tejido.t("value")), tejido.h("small", {}, row.dataset)] },
  { label: tejido.t("other_figure"), number: true, cell: (row) => [tejido.figure(tejido.inUnit(row.other_share, row.unit), row, tejido.origins(row, ["other"]).slice(1), tejido.t("other_figure")), tejido.h("small", {}, row.other_dataset)] },
  { label: tejido.t("difference"), number: true, cell: (row) => tejido.computed(row, "difference", tejido.points(row.difference, 2), tejido.t("difference"), tejido.origins(row, ["other"])) },
], some, { class: "cards" }));
