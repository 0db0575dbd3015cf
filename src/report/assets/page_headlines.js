// Sentences that people quote, beside what the data say.
"use strict";

tejido.claimOrder = ["reproduced", "not_reproduced", "no_value", "no_cell", "not_specified"];

tejido.pages.headlines = async function headlines(route) {
  const { h, t } = tejido;
  const rows = await tejido.load("headlines");
  const chosen = tejido.claimOrder.includes(route.query.result) ? route.query.result : "";
  const shown = rows.filter((row) => !chosen || row.status === chosen);
  const count = (status) => rows.filter((row) => row.status === status).length;
  const present = tejido.claimOrder.filter(count);
  return [
    tejido.heading(t("page_headlines"), [t("headlines_lead"), " ", tejido.sentence("headlines_count", { count: tejido.count(count("reproduced"), tejido.counted("headlines", [], { status: "reproduced" })),
      all: tejido.count(rows.length, tejido.counted("headlines")) }), "."],
      tejido.choose(t("result"), "result", [{ value: "", label: `${t("all")} (${rows.length})` },
        ...present.map((status) => ({ value: status, label: `${t(`claim_${status}`)} (${count(status)})` }))], chosen)),
    tejido.key(),
    tejido.table(t("page_headlines"), [
      { label: t("claim"), cell: (row) => [tejido.named(row, "published"), h("small", { lang: row[`claim_source_${tejido.language}`] ? null : "en" }, row[`claim_source_${tejido.language}`] || row.claim_source)] },
      { label: t("data_say"), cell: (row) => tejido.named(row, "headline") || "–" },
      { label: t("value"), number: true, cell: (row) => tejido.claimFigure(row) },
      { label: t("result"), cell: (row) => h("span", { class: `tag ${row.status}` }, t(`claim_${row.status}`)) },
    ], shown, { class: "cards wide" }),
  ];
};

tejido.claimFigure = function claimFigure(row) {
  if (row.found_value == null) return "–";
  const origins = [...tejido.origins(row, ["country"]), ...tejido.cellList(row.counted_cells, "enterprises"),
    ...tejido.cellList(row.export_snapshots, "export")];
  const text = row.kind === "share" ? tejido.percent(row.found_value, 2) : tejido.number(row.found_value);
  return tejido.computed(row, "found_value", text, tejido.named(row, "headline"), origins.slice(0, 40));
};
