// The heat map of regions and activities, and the page of one activity.
"use strict";

// Indicators that can be chosen, by driving force, as options with the unit.
tejido.indicatorOptions = function indicatorOptions(fits) {
  const rows = [...tejido.names.indicators.values()].filter(fits);
  const lead = new Set(tejido.forces.flatMap((force) => force.parts.filter((part) => part.role === "lead").map((part) => `${part.indicator} ${part.unit}`)));
  const name = (row) => `${tejido.named(row)}${row.unit === "PC_ENT" ? "" : ` (${tejido.codeName("units", row.unit).toLowerCase()})`}`;
  return rows.map((row) => ({ value: `${row.indicator} ${row.unit}`, label: name(row), row, lead: lead.has(`${row.indicator} ${row.unit}`) }))
    .sort((a, b) => Number(b.lead) - Number(a.lead) || a.label.localeCompare(b.label, tejido.locale()));
};

// To begin with, the lead indicator of most regions.
tejido.widestOption = (options) =>
  options.slice().sort((a, b) => Number(b.lead) - Number(a.lead) || b.row.regions - a.row.regions)[0];

// Totals first, then by code.
tejido.sectorOrder = (a, b) => {
  const place = (code) => (tejido.totals.includes(code) ? `0${code}` : `1${code}`);
  return place(a) < place(b) ? -1 : 1;
};

// Behind its code, since several groupings begin with the same words.
tejido.sectorLabel = (code) => (tejido.totals.includes(code) || code.length > 6 ? tejido.sectorName(code, true) : `${code} ${tejido.sectorName(code, true)}`);

// The choices of year and publisher that the rows leave, with the newest year and the publisher of most regions.
tejido.yearAndPublisher = function yearAndPublisher(rows, query) {
  const publishers = [...new Set(rows.map((row) => row.publisher))].sort();
  const publisher = publishers.includes(query.publisher) ? query.publisher : tejido.widest(rows, publishers);
  const years = [...new Set(rows.filter((row) => row.publisher === publisher && row.share != null).map((row) => row.time_period))].sort().reverse();
  const year = years.includes(query.year) ? query.year : years[0];
  return { publisher, year, choices: [
    tejido.choose(tejido.t("year"), "year", years.map((one) => ({ value: one, label: one })), year),
    publishers.length > 1 ? tejido.choose(tejido.t("publisher"), "publisher", publishers.map((one) => ({ value: one, label: one })), publisher) : null,
  ] };
};

tejido.pages.sectors = async function sectorsPage(route) {
  const { h, t } = tejido;
  const country = tejido.country();
  const options = tejido.indicatorOptions((row) => row.sectors > 2 && row.regions > 2);
  const chosen = options.find((one) => one.value === route.query.indicator) || tejido.widestOption(options);
  if (!chosen) return [tejido.heading(t("page_sectors"), t("heat_lead")), h("p", { class: "notice" }, t("no_rows"))];
  const all = (await tejido.load("matrix", chosen.row.indicator, country)).filter((row) => row.unit === chosen.row.unit);
  const regional = all.filter((row) => row.region.length === 4);
  const { publisher, year, choices } = tejido.yearAndPublisher(regional.length ? regional : all, route.query);
  const rows = tejido.oneSource(all.filter((row) => row.publisher === publisher && row.time_period === year));
  // A country's tables have more activities than its regions'; the map shows those that the regions have.
  const shownSectors = new Set(rows.filter((row) => !regional.length || row.region.length === 4).map((row) => row.sector));
  const sectors = [...shownSectors].sort(tejido.sectorOrder);
  const shown = rows.filter((row) => shownSectors.has(row.sector));
  const present = new Set(shown.map((row) => row.region));
  const regions = [...present].sort((a, b) => a.length - b.length || tejido.regionName(a).localeCompare(tejido.regionName(b), tejido.locale()));
  const title = t("heat_title", { indicator: tejido.named(chosen.row), year: year || "" });
  return [
    tejido.heading(t("page_sectors"), t("heat_lead"),
      tejido.choose(t("indicator"), "indicator", options, chosen.value), ...choices, tejido.regionChoice()),
    tejido.key(),
    shown.length ? tejido.chart({
      title, note: `${tejido.codeName("units", chosen.row.unit)}. ${t("heat_note")}`,
      minimum: 300 + sectors.length * 50, name: `${title} ${country}`,
      draw: (width, id) => tejido.plots.heat(shown, Math.min(width, 300 + sectors.length * 80), id, { chosen: tejido.region(), regions, sectors, name: tejido.sectorLabel }),
      table: () => tejido.table(title, [
        { label: t("region"), head: true, cell: (region) => tejido.regionName(region) },
        ...sectors.map((sector) => ({ label: tejido.sectorName(sector, true), number: true, cell: (region) => {
          const row = shown.find((one) => one.region === region && one.sector === sector);
          return row ? tejido.share(row, `${tejido.regionName(region)}, ${tejido.sectorName(sector, true)}`) : "–";
        } })),
      ], regions),
    }) : h("p", { class: "notice" }, t("no_rows")),
  ];
};

tejido.pages.sector = async function sectorPage(route) {
  const { h, t } = tejido;
  const region = tejido.region();
  const country = tejido.country();
  const [mine, theirs] = await Promise.all([tejido.load("activities", region), region === country ? [] : tejido.load("activities", country)]);
  const codes = [...new Set(mine.map((row) => row.sector))].sort(tejido.sectorOrder);
  const sector = codes.includes(route.subject) ? route.subject : codes.find((code) => code === "C") || codes[0];
  const choice = tejido.select(t("choose_sector"), codes.map((code) => ({ value: code, label: tejido.sectorName(code, true) })), sector,
    (code) => tejido.go(tejido.link("sector", code, { ...route.query, origin: null, number: null })));
  const pairs = tejido.forces.flatMap((force) => force.parts.map((part) => {
    const own = tejido.latest(mine.filter((row) => row.sector === sector && row.indicator === part.indicator && row.unit === part.unit && row.share != null));
    return { force, part, own, country: own && theirs.find((row) => row.sector === sector && row.indicator === part.indicator
      && row.unit === part.unit && row.time_period === own.time_period && row.publisher === own.publisher) };
  })).filter((row) => row.own);
  const leads = pairs.filter((row) => row.part.role === "lead");
  const kinds = [
    { key: "region", code: region, symbol: "circle", r: 7, colour: "var(--accent)", name: tejido.regionName(region) },
    region === country ? null : { key: "country", code: country, symbol: "square", r: 5, colour: "var(--ink)", name: tejido.regionName(country) },
  ].filter(Boolean);
  const points = leads.map((row) => ({ name: tejido.named(row.force), region: row.own, country: row.country }));
  const title = t("sector_chart", { sector: sector ? tejido.sectorName(sector, true) : "" });
  return [
    tejido.heading(sector ? tejido.sectorName(sector, true) : t("page_sector"), t("sector_lead", { region: tejido.regionName(region) }), choice, tejido.regionChoice(tejido.build.parts.activities || [])),
    tejido.key(),
    points.length ? tejido.chart({
      title, note: t("levels_note"), name: `${title} ${tejido.regionName(region)}`,
      legend: kinds.map((kind) => tejido.legendMark(kind)),
      draw: (width, id) => tejido.plots.levels(points, width, id, kinds),
      table: () => tejido.table(title, tejido.pairColumns(region, country), leads),
    }) : h("p", { class: "notice" }, t("no_rows")),
    pairs.length ? h("section", {}, h("h2", {}, t("sector_all")), tejido.table(t("sector_all"), tejido.pairColumns(region, country), pairs, { class: "cards" })) : null,
  ];
};
