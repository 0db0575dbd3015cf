// The panel that says where a figure comes from, as `tejido explain` does. Its link opens the view with the panel.
"use strict";

tejido.lineage = { from: null };

// As lineage.sql: parts of 32 KiB of the payload, of 256 rows in a workbook.
tejido.bucket = (cell) => (cell < 2 ** 48 ? Math.floor(cell / 2 ** 15) : Math.floor(cell / 2 ** 24));

tejido.lineage.show = async function show(parameter) {
  const { h, t } = tejido;
  const panel = document.getElementById("origin");
  if (!parameter) {
    if (!panel.hidden) {
      panel.hidden = true;
      panel.replaceChildren();
      const back = tejido.lineage.from;
      if (back && back.isConnected) back.focus();
    }
    return;
  }
  const origins = tejido.parseOrigins(parameter);
  const close = () => tejido.go(tejido.linkWith({ origin: null }));
  const body = h("div", { class: "origin-body" }, h("p", {}, t("loading")));
  const heading = h("h2", { tabindex: -1, id: "origin-title" }, t("origin"));
  panel.replaceChildren(
    h("header", {}, heading, h("button", { type: "button", class: "plain", onclick: close }, t("close"))), body);
  panel.hidden = false;
  panel.onkeydown = (event) => { if (event.key === "Escape") close(); };
  heading.focus();
  const snapshots = await tejido.snapshots();
  const found = await Promise.all(origins.map(async (origin) => ({
    ...origin, source: snapshots.get(origin.snapshot), row: await tejido.lineage.row(origin),
  })));
  const shown = found.map((origin) => tejido.lineage.section(origin));
  body.replaceChildren(...tejido.flat([
    origins.length > 1 ? h("p", {}, t("origin_of_several", { count: origins.length })) : null,
    shown,
    h("p", { class: "link" }, t("origin_link"), " ", h("a", { href: location.hash }, t("this_view"))),
    h("p", { class: "muted" }, t("origin_explain")),
  ]));
};

tejido.lineage.row = async function row({ snapshot, cell }) {
  if (cell == null) return null;
  const key = ["lineage", snapshot, String(tejido.bucket(cell))];
  try {
    return (await tejido.load(...key)).find((other) => other.cell === cell) || null;
  } catch {
    return null;
  }
};

tejido.lineage.section = function section({ snapshot, cell, role, source, row }) {
  const { h, t } = tejido;
  const list = (pairs) => h("dl", {}, pairs.filter(([, value]) => value != null && value !== "")
    .map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]));
  const code = (text) => h("code", {}, text);
  const unit = row ? tejido.codeName("units", row.unit) : "";
  return h("section", { class: "origin-part", "data-cell": cell, "data-value": row ? row.value : null },
    h("h3", {}, role ? t(`role_${role}`) : t("role_value")),
    row ? [
      h("p", { class: "origin-value" },
        h("b", { class: `value ${row.provenance}` },
          row.value == null ? t("no_value") : row.unit.startsWith("PC") ? tejido.percent(row.value, 2) : tejido.number(row.value)),
        " ", h("span", { class: `tag ${row.provenance}` }, t(`provenance_${row.provenance}`)),
        tejido.flagWords(row.flags).map((word) => [" ", h("span", { class: "tag" }, word)])),
      list([
        [t("indicator"), [tejido.indicatorName(row.indicator, row.unit), " ", code(row.indicator)]],
        [t("region"), [tejido.regionName(row.region), " ", code(row.region)]],
        [t("activity"), [tejido.sectorName(row.sector), " ", code(row.sector)]],
        [t("size_class"), [tejido.codeName("sizes", row.size_class), " ", code(row.size_class)]],
        [t("unit"), [unit, " ", code(row.unit)]],
        [t("period"), row.time_period],
        [t("flags"), row.flags ? tejido.flagWords(row.flags).join(", ") : t("no_flags")],
        [t("known_since"), tejido.moment(row.vintage)],
      ]),
      row.excerpt ? tejido.lineage.excerpt(row.excerpt) : null,
    ] : h("p", {}, t(cell != null ? "origin_unknown" : role === "table" ? "origin_table" : "origin_counts")),
    source ? list([
      [t("source"), source.attribution || source.publisher],
      [t("table"), [source.title, " ", code(source.dataset)]],
      [t("pipeline"), code(source.pipeline)],
      [t("address"), h("span", { class: "address" }, source.url)],
      [t("fetched"), tejido.moment(source.fetched_at)],
      [t("licence"), source.licence],
      [t("file"), code(source.file)],
      [t("hash"), code(source.hash)],
      [t("cell"), cell == null ? null : code(String(cell))],
    ]) : h("p", {}, code(snapshot)));
};

// The bytes around the value, as they came.
tejido.lineage.excerpt = function excerpt({ before, text, behind, place }) {
  const { h, t } = tejido;
  return h("figure", { class: "excerpt" },
    h("figcaption", {}, t("bytes_at", { place })),
    h("pre", { tabindex: 0, "aria-label": t("bytes_at", { place }) }, before, h("mark", {}, text), behind));
};
