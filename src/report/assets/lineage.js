// The panel that says where a figure comes from, as `tejido explain` does: the row of a mart that it stands in, what that was
// computed from, and the cells with the bytes around them. Its link opens the view with the panel.
"use strict";

tejido.lineage = { from: null, most: 60 };

tejido.lineage.show = async function show({ origin, number }) {
  const { h, t } = tejido;
  const panel = document.getElementById("origin");
  const asked = JSON.stringify([origin, number]);
  if (!origin && !number) {
    if (!panel.hidden) {
      panel.hidden = true;
      panel.replaceChildren();
      const back = tejido.lineage.from;
      if (back && back.isConnected) back.focus();
    }
    return;
  }
  const close = () => tejido.go(tejido.linkWith({ origin: null }));
  const body = h("div", { class: "origin-body" }, h("p", {}, t("loading")));
  const heading = h("h2", { tabindex: -1, id: "origin-title" }, t("origin"));
  panel.replaceChildren(
    h("header", {}, heading, h("button", { type: "button", class: "plain", onclick: close }, t("close"))), body);
  panel.hidden = false;
  panel.scrollTop = 0;
  panel.dataset.asked = asked;
  panel.onkeydown = (event) => { if (event.key === "Escape") close(); };
  heading.focus();
  const origins = origin ? tejido.parseOrigins(origin) : [];
  const snapshots = await tejido.snapshots();
  const numbers = await Promise.all((number || "").split(",").filter(Boolean).map(tejido.lineage.number));
  const found = await Promise.all(origins.map(async (one) => ({
    ...one, source: snapshots.get(one.snapshot), row: await tejido.lineage.row(one),
  })));
  // Another figure may have been asked meanwhile.
  if (panel.dataset.asked !== asked || !body.isConnected) return;
  body.replaceChildren(...tejido.flat([
    numbers,
    found.length > 1 ? h("p", { class: "several" }, t("origin_of_several", { count: found.length })) : null,
    found.map((one) => tejido.lineage.section(one)),
    h("p", { class: "link" }, t("origin_link"), " ", h("a", { href: location.hash }, t("this_view"))),
    found.some((one) => one.row) ? h("p", { class: "muted" }, t("origin_explain")) : null,
  ]));
};

// The observation of a cell. lineage_parts.sql has the first cell of each part of a snapshot.
tejido.lineage.row = async function row({ snapshot, cell }) {
  if (cell == null) return null;
  const parts = (await tejido.load("lineage_parts")).find((one) => one.snapshot === snapshot);
  if (!parts) return null;
  const firsts = parts.firsts.split(" ").map(Number);
  const part = firsts.findLastIndex((first) => first <= cell);
  if (part < 0) return null;
  return (await tejido.load("lineage", snapshot, String(part))).find((other) => other.cell === cell) || null;
};

tejido.lineage.list = (pairs) => tejido.h("dl", {}, pairs.filter(([, value]) => value != null && value !== "")
  .map(([name, value]) => [tejido.h("dt", {}, name), tejido.h("dd", {}, value)]));

tejido.lineage.section = function section({ snapshot, cell, role, source, row }) {
  const { h, t } = tejido;
  const { list } = tejido.lineage;
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
      row.before == null ? null : tejido.lineage.excerpt(row),
    ] : h("p", {}, t(cell != null ? "origin_unknown" : role === "table" ? "origin_table" : "origin_counts")),
    source ? list([
      [t("source"), source.attribution || source.publisher],
      [t("table"), [tejido.named(source, "title"), " ", code(source.dataset)]],
      [t("pipeline"), code(source.pipeline)],
      [t("address"), h("span", { class: "address" }, source.url)],
      [t("fetched"), tejido.moment(source.fetched_at)],
      [t("licence"), tejido.named(source, "licence")],
      [t("file"), code(source.file)],
      [t("hash"), code(source.hash)],
      [t("cell"), cell == null ? null : code(String(cell))],
    ]) : h("p", {}, code(snapshot)));
};

// Where a cell stands: line, column and byte; in a workbook, whose cells are sheet, row and column in one number, as its
// program says it.
tejido.lineage.place = function place({ cell, line, column }) {
  if (line != null) return tejido.t("place_line", { line: tejido.number(line), column: tejido.number(column), byte: tejido.number(cell) });
  let letters = "";
  for (let rest = (cell % 2 ** 16) + 1; rest > 0; rest = Math.floor((rest - 1) / 26)) letters = String.fromCharCode(65 + ((rest - 1) % 26)) + letters;
  return tejido.t("place_sheet", { sheet: Math.floor(cell / 2 ** 48) + 1, cell: `${letters}${(Math.floor(cell / 2 ** 16) % 2 ** 32) + 1}` });
};

// The bytes around the value, as they came; a text that is the value as it is written is not told twice.
tejido.lineage.excerpt = function excerpt(row) {
  const { h, t } = tejido;
  const label = t("bytes_at", { place: tejido.lineage.place(row) });
  return h("figure", { class: "excerpt" },
    h("figcaption", {}, label),
    h("pre", { tabindex: 0, "aria-label": label, role: "region" }, row.before, h("mark", {}, row.text ?? String(row.value)), row.behind));
};
