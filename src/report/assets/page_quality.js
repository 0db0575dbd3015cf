// What the data are worth: by table, what has changed, what looks wrong, and where sources disagree.
"use strict";

tejido.pages.quality = async function quality(route) {
  const { h, t } = tejido;
  const [tables, revisions, anomalies, disagreements, snapshots] = await Promise.all(
    ["quality", "revisions", "anomalies", "disagreements", "snapshots"].map((name) => tejido.load(name)));
  const downloads = (row) => snapshots.filter((one) => one.pipeline === row.source && one.dataset === row.dataset)
    .map((one) => ({ snapshot: one.snapshot, cell: null, role: "table" }));
  const { build } = tejido;
  const sum = (column) => tables.reduce((total, row) => total + row[column], 0);
  const fact = (name, value, note) => h("div", {}, h("dt", {}, name), h("dd", {}, value, note ? h("small", {}, note) : null));
  const percent = (value) => (value == null ? "–" : tejido.percent(value, value > 0 && value < 10 ? 1 : 0));
  return [
    tejido.heading(t("page_quality"), t("quality_lead")),
    h("dl", { class: "facts" },
      fact(t("cells"), tejido.number(sum("cells")), `${tejido.number(sum("cells_with_value"))} ${t("with_value").toLowerCase()}`),
      fact(t("audits"), tejido.number(build.audits.passed), build.audits.warned ? `${build.audits.warned} ${t("audits_warned")}` : null),
      fact(t("quarantined"), tejido.number(build.quarantined)),
      fact(t("revisions_title"), tejido.number(revisions.length)),
      fact(t("anomalies"), tejido.number(anomalies.length)),
      fact(t("disagreements"), tejido.number(disagreements.length))),
    await tejido.qualityYears(route.query.table),
    h("h2", {}, t("freshness_title")),
    tejido.table(t("freshness_title"), [
      { label: t("table"), head: true, cell: (row) => [
        h("a", { href: tejido.linkWith({ table: row.dataset }), "aria-current": route.query.table === row.dataset ? "true" : null }, row.dataset), h("small", {}, row.source)] },
      { label: t("years"), cell: (row) => h("span", { class: "value" }, row.first_period === row.last_period ? row.first_period : `${row.first_period}–${row.last_period}`) },
      { label: t("newest"), cell: (row) => tejido.shortDate(row.newest_vintage) },
      { label: t("cells"), number: true, cell: (row) => tejido.figure(tejido.number(row.cells), {}, downloads(row), row.dataset) },
      { label: t("official_share"), number: true, cell: (row) => percent(row.official_percent) },
      { label: t("suppressed"), number: true, cell: (row) => percent(row.suppressed_percent) },
      { label: t("missing"), number: true, cell: (row) => percent(row.missing_percent) },
      { label: t("low_reliability"), number: true, cell: (row) => percent(row.low_reliability_percent) },
      { label: t("breaks"), number: true, cell: (row) => tejido.number(row.flagged_breaks + row.declared_breaks) },
      { label: t("anomalies"), number: true, cell: (row) => tejido.number(row.anomalies) },
      { label: t("disagreements"), number: true, cell: (row) => tejido.number(row.disagreements) },
    ], tables, { class: "dense", rowClass: (row) => (row.dataset === route.query.table ? "chosen" : null) }),
    h("h2", {}, t("revisions_title")),
    revisions.length ? tejido.revisionTable(revisions) : h("p", {}, t("no_revisions")),
    h("h2", {}, t("anomalies_title")), h("p", { class: "muted" }, t("anomalies_note")), tejido.anomalyTable(anomalies),
    h("h2", {}, t("disagreements_title")), tejido.disagreementTable(disagreements),
  ];
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
    { label: t("cells"), number: true, cell: (row) => tejido.number(row.cells) },
    { label: t("with_value"), number: true, cell: (row) => tejido.number(row.cells_with_value) },
    { label: t("suppressed"), number: true, cell: (row) => tejido.percent(row.suppressed_percent) },
    { label: t("low_reliability"), number: true, cell: (row) => tejido.percent(row.low_reliability_percent) },
    { label: t("breaks"), number: true, cell: (row) => tejido.number(row.flagged_breaks + (row.declared_break ? 1 : 0)) },
    { label: t("anomalies"), number: true, cell: (row) => tejido.number(row.anomalies) },
    { label: t("disagreements"), number: true, cell: (row) => tejido.number(row.disagreements) },
  ], some), 40));
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
  { label: tejido.t("difference"), number: true, cell: (row) => tejido.points(row.difference, 2) || "–" },
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
  { label: tejido.t("difference"), number: true, cell: (row) => tejido.points(row.difference, 2) },
], some, { class: "cards" }));
