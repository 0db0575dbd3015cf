// Tile maps of Spain's communities and cities, and of Europe's countries.
"use strict";

tejido.pages.map = async function mapPage(route) {
  const { h, t } = tejido;
  const options = tejido.indicatorOptions((row) => row.regions > 0 || row.sectors > 0);
  const chosen = options.find((one) => one.value === route.query.indicator) || tejido.widestOption(options);
  if (!chosen) return [tejido.heading(t("page_map"), t("map_lead")), h("p", { class: "notice" }, t("no_rows"))];
  const all = (await tejido.load("levels", chosen.row.indicator)).filter((row) => row.unit === chosen.row.unit);
  const { publisher, year, choices } = tejido.yearAndPublisher(all, route.query);
  const rows = tejido.oneSource(all.filter((row) => row.publisher === publisher && row.time_period === year));
  const map = (grid, title, chosenCode) => {
    const cells = Object.entries(grid).map(([code, [x, y]]) => {
      const row = rows.find((one) => one.region === code);
      return row ? { ...row, code, x, y } : { code, region: code, x, y, time_period: year, share: null, flags: null, provenance: "none" };
    });
    const columns = 1 + Math.max(...cells.map((cell) => cell.x));
    const lines = 1 + Math.max(...cells.map((cell) => cell.y));
    if (!cells.some((cell) => cell.share != null)) return h("section", {}, h("h3", {}, title), h("p", { class: "notice" }, t("no_rows")));
    return tejido.chart({
      title, note: t("heat_note"), name: `${title} ${chosen.row.indicator}`,
      draw: (width, id) => tejido.plots.tiles(cells, width, id, { chosen: chosenCode, columns, lines }),
      table: () => tejido.table(title, [
        { label: t("region"), head: true, cell: (row) => tejido.regionName(row.region) },
        { label: t("level"), number: true, cell: (row) => tejido.share(row, tejido.regionName(row.region), 2) },
        { label: t("flags"), cell: (row) => tejido.kindWords(row) },
      ], cells.slice().sort((a, b) => (b.share ?? -1) - (a.share ?? -1))),
    });
  };
  return [
    tejido.heading(t("page_map"), `${tejido.named(chosen.row)}. ${t("map_lead")}`, tejido.choose(t("indicator"), "indicator", options, chosen.value), ...choices, tejido.regionChoice()),
    tejido.key(),
    h("div", { class: "columns" },
      map(tejido.grids.spain, t("map_spain", { year }), tejido.region()),
      map(tejido.grids.europe, t("map_europe", { year }), tejido.country())),
  ];
};
