// One driving force: its course in the region, the country, the Union and the best region; the regions of the country
// side by side; what the gap comes from; and what else the survey asks.
"use strict";

tejido.pages.force = async function forcePage(route) {
  const { h, t } = tejido;
  const force = tejido.forces.find((one) => one.force === route.subject) || tejido.forces[0];
  const region = tejido.region();
  const country = tejido.country();
  const parts = force.parts.filter((part) => tejido.names.indicators.has(`${part.indicator} ${part.unit}`));
  const tabs = h("nav", { class: "tabs", "aria-label": t("page_force") }, h("ul", {}, tejido.forces.map((one) => h("li", {},
    h("a", { href: tejido.link("force", one.force, tejido.carried()), "aria-current": one === force ? "page" : null }, tejido.named(one))))));
  const part = parts.find((one) => `${one.indicator} ${one.unit}` === route.query.indicator) || parts[0];
  const overview = (await tejido.load("overview", region)).filter((row) => row.force === force.force);
  const clusters = await tejido.forceClusters(force);
  if (!part) return [tabs, tejido.heading(tejido.named(force), tejido.named(force, "statement")), h("p", { class: "notice" }, t("no_figures_at_all")), tejido.key(), clusters];

  const all = (await tejido.load("levels", part.indicator)).filter((row) => row.unit === part.unit);
  const mine = all.filter((row) => row.region === region);
  const publishers = [...new Set((mine.length ? mine : all).map((row) => row.publisher))].sort();
  const publisher = publishers.includes(route.query.publisher) ? route.query.publisher
    : tejido.widest(all, publishers);
  const rows = tejido.oneSource(all.filter((row) => row.publisher === publisher));
  const of = (code) => rows.filter((row) => row.region === code);
  const newest = tejido.latest(of(region).filter((row) => row.share != null)) || tejido.latest(of(country).filter((row) => row.share != null));
  const fact = tejido.latest(overview.filter((row) => row.indicator === part.indicator && row.publisher === publisher && row.share != null));
  const targets = await tejido.load("targets", of(region).length ? region : country);
  const target = targets.find((row) => row.indicator === part.indicator && row.publisher === publisher && row.share != null);
  return [
    tabs,
    tejido.heading(tejido.named(force), tejido.named(force, "statement"), tejido.regionChoice(),
      parts.length > 1 ? tejido.choose(t("indicator"), "indicator", parts.map((one) => ({ value: `${one.indicator} ${one.unit}`,
        label: `${tejido.indicatorName(one.indicator, one.unit)}${one.role === "lead" ? "" : ` (${t("support_indicator")})`}` })), `${part.indicator} ${part.unit}`) : null,
      publishers.length > 1 ? tejido.choose(t("publisher"), "publisher", publishers.map((one) => ({ value: one, label: one })), publisher) : null),
    tejido.key(),
    of(region).some((row) => row.share != null) ? null
      : h("p", { class: "notice" }, t("no_statistic_note")),
    fact ? tejido.forceFacts(fact, target, region, country) : null,
    tejido.seriesChart(rows, part, region, country, fact && fact.best_region, target),
    newest ? tejido.rankingChart(rows, newest.time_period, part, region, country) : null,
    await tejido.sizeChart(part, publisher, region, country),
    h("p", {}, [["sectors", "by_activity"], ["map", "on_map"]].map(([page, text], i) => [i ? " · " : "",
      h("a", { href: tejido.link(page, null, { ...tejido.carried(), indicator: `${part.indicator} ${part.unit}`, publisher }) }, t(text))])),
    await tejido.decompositionSection(part, publisher, region),
    await tejido.supportTable(force, region, country),
    clusters,
  ];
};

// Of several publishers the one that has the most regions, since its figures compare the farthest.
tejido.widest = function widest(rows, publishers) {
  const count = (publisher) => new Set(rows.filter((row) => row.publisher === publisher && row.share != null).map((row) => row.region)).size;
  return publishers.slice().sort((a, b) => count(b) - count(a))[0];
};

// Where a publisher gives a cell in two tables, its first one.
tejido.oneSource = (rows) =>
  [...tejido.group(rows, (row) => [row.region, row.sector, row.time_period].join(" ")).values()]
    .map((group) => group.find((row) => row.share != null) || group[0]);

tejido.forceFacts = function forceFacts(fact, target, region, country) {
  const { h, t } = tejido;
  const one = (name, value, ...notes) => h("div", {}, h("dt", {}, name), h("dd", {}, value, notes.filter(Boolean).map((note) => h("small", {}, note))));
  const beside = (prefix, name) => fact[`${prefix}_share`] == null ? null
    : one(name, tejido.figure(tejido.percent(fact[`${prefix}_share`]),
      { provenance: fact[`${prefix}_provenance`], flags: fact[`${prefix}_flags`] },
      [{ snapshot: fact[`${prefix}_snapshot`], cell: fact[`${prefix}_cell`], role: prefix }], name),
    prefix === "best" ? tejido.regionName(fact.best_region) : null,
    prefix === "best" ? null : [tejido.gap(fact[`gap_to_${prefix}_points`], fact, [prefix], t("gap_to", { name }), `gap_to_${prefix}_points`), ` ${t("points_word")}`]);
  return h("dl", { class: "facts" },
    one(tejido.regionName(region), tejido.share(fact, tejido.regionName(region)),
      [fact.time_period, fact.change_points == null ? null : [", ", tejido.sentence("since_before", { change: tejido.computed(fact, "change_points", tejido.points(fact.change_points),
        t("change"), tejido.origins(fact, ["previous"]), { provenance: fact.row_provenance }) })]]),
    region === country ? null : beside("country", tejido.regionName(country)), beside("eu", t("eu")), beside("best", t("best_region")),
    fact.rank_in_country ? one(t("place"), tejido.rank(fact, t("place"))) : null,
    target ? one(t("target"), tejido.computed(target, "target_share", tejido.percent(target.target_share, 0), t("target"), [], {}), tejido.targetWords(target)) : null);
};

tejido.seriesChart = function seriesChart(rows, part, region, country, best, target) {
  const { t } = tejido;
  const of = (code) => rows.filter((row) => row.region === code);
  const series = [
    { name: tejido.regionName(region), code: region, colour: "var(--accent)", width: 3 },
    region === country ? null : { name: tejido.regionName(country), code: country, colour: "var(--ink)", width: 1.75, dash: "7 3" },
    { name: t("eu"), code: "EU27_2020", colour: "var(--muted)", width: 1.75, dash: "2 3" },
    best ? { name: tejido.regionName(best), code: best, colour: "var(--second)", width: 1.75, dash: "9 3 2 3" } : null,
  ].filter(Boolean).map((one) => ({ ...one, rows: of(one.code) })).filter((one) => one.rows.length);
  if (!series.length) return null;
  const years = [...new Set(series.flatMap((one) => one.rows.map((row) => row.time_period)))].sort();
  return tejido.chart({
    title: `${t("series_title")}: ${tejido.indicatorName(part.indicator, part.unit)}`, note: `${tejido.codeName("units", part.unit)}. ${t("series_note")}`,
    legend: series.map((one) => tejido.legendMark({ ...one, line: true })),
    draw: (width, id) => tejido.plots.lines(series, width, id, target && target.target_share <= 100 ? target.target_share : null),
    table: () => tejido.table(t("series_title"), [
      { label: t("year"), head: true, cell: (year) => year },
      ...series.map((one) => ({ label: one.name, number: true, cell: (year) => {
        const row = one.rows.find((other) => other.time_period === year);
        return row ? tejido.share(row, `${one.name}, ${year}`, 2) : "–";
      } })),
    ], years),
  });
};

tejido.rankingChart = function rankingChart(rows, year, part, region, country) {
  const { t } = tejido;
  const own = rows.filter((row) => row.time_period === year && row.region.startsWith(country) && row.region.length === 4);
  if (own.length < 2) return null;
  const references = [[country, tejido.regionName(country)], ["EU27_2020", t("eu_plain")]]
    .map(([code, name]) => ({ name, ...rows.find((row) => row.region === code && row.time_period === year) }))
    .filter((one) => one.share != null);
  const title = country === "ES" ? t("ranking_title", { year }) : t("ranking_title_other", { year, country: tejido.regionName(country) });
  return tejido.chart({
    title, note: `${tejido.indicatorName(part.indicator, part.unit)}. ${t("ranking_note")}`, name: `${title} ${part.indicator}`,
    draw: (width, id) => tejido.plots.bars(own, width, id, { chosen: region, references }),
    table: () => tejido.table(title, [
      { label: t("region"), head: true, cell: (row) => tejido.regionName(row.region) },
      { label: t("level"), number: true, cell: (row) => tejido.share(row, tejido.regionName(row.region), 2) },
      { label: t("flags"), cell: (row) => tejido.kindWords(row) },
    ], own.slice().sort((a, b) => (b.share ?? -1) - (a.share ?? -1)), { rowClass: (row) => (row.region === region ? "chosen" : null) }),
  });
};

// Size classes lie within each other: all of them together come first, then from the smallest.
tejido.sizeOrder = function sizeOrder(a, b) {
  const place = (code) => {
    const [least, most] = code.replace(/^GE(\d+)$/, "$1-1e9").replace(/^L(\d+)$/, "0-$1").replace("_", "-").split("-").map(Number);
    return code === "GE10" || code === "TOTAL" ? [-1, 0] : [least || 0, most || 0];
  };
  const [x, y] = [place(a), place(b)];
  return x[0] - y[0] || x[1] - y[1];
};

// As numbers, for an axis.
tejido.sizeShort = (code) => code.replace(/^GE(\d+)$/, "≥ $1").replace(/^L(\d+)$/, "< $1").replace(/^(\d+)[-_](\d+)$/, "$1–$2");

// By size of the enterprise: what is published of the country, and of the region what is published or else estimated.
tejido.sizeChart = async function sizeChart(part, publisher, region, country) {
  const { h, t } = tejido;
  const fits = (row) => row.indicator === part.indicator && row.unit === part.unit && row.publisher === publisher;
  const newest = (rows) => {
    const last = tejido.latest(rows.filter((row) => row.share != null));
    return last ? tejido.oneSize(rows.filter((row) => row.time_period === last.time_period)) : [];
  };
  const [theirs, mine, estimates] = await Promise.all([tejido.load("sizes", country), region === country ? [] : tejido.load("sizes", region),
    region === country ? [] : tejido.load("estimates", region)]);
  const ofCountry = newest(theirs.filter(fits));
  const published = newest(mine.filter(fits));
  const ofRegion = published.length > 1 ? published : newest(estimates.filter(fits));
  const isEstimate = published.length <= 1 && ofRegion.length > 0;
  const sizes = [...new Set([...ofCountry, ...ofRegion].filter((row) => row.share != null).map((row) => row.size_class))].sort(tejido.sizeOrder);
  if (sizes.length < 2) return null;
  const year = (rows) => (rows.length ? rows[0].time_period : "");
  const kinds = [
    ofRegion.length ? { key: "region", code: region, symbol: "circle", r: 7, colour: "var(--accent)", rows: ofRegion,
      name: `${tejido.regionName(region)}, ${year(ofRegion)}${isEstimate ? ` (≈ ${t("estimated")})` : ""}` } : null,
    ofCountry.length ? { key: "country", code: country, symbol: "square", r: 5, colour: "var(--ink)", rows: ofCountry, name: `${tejido.regionName(country)}, ${year(ofCountry)}` } : null,
  ].filter(Boolean);
  const rows = sizes.map((size) => ({ size, name: tejido.codeName("sizes", size),
    ...Object.fromEntries(kinds.map((kind) => [kind.key, kind.rows.find((row) => row.size_class === size)])) }));
  const interval = (row) => (row.interval_low == null ? null : h("small", {}, t("share_interval", { low: tejido.percent(row.interval_low), high: tejido.percent(row.interval_high) })));
  return tejido.chart({
    title: t("sizes_title"), note: `${tejido.indicatorName(part.indicator, part.unit)}. ${t("sizes_note")}${isEstimate ? ` ${t("sizes_estimates_note")}` : ""}`, name: `${t("sizes_title")} ${part.indicator}`,
    legend: kinds.map((kind) => tejido.legendMark(kind)),
    draw: (width, id) => tejido.plots.levels(rows.map((row) => ({ ...row, name: tejido.sizeShort(row.size) })), width, id, kinds),
    table: () => tejido.table(t("sizes_title"), [
      { label: t("size_class"), head: true, cell: (row) => row.name },
      ...kinds.map((kind) => ({ label: kind.name, number: true, cell: (row) => {
        const one = row[kind.key];
        return one ? [tejido.share(one, `${row.name}, ${kind.name}`, 2), interval(one)] : "–";
      } })),
    ], rows),
  });
};

// Of two tables of a publisher with the same cell the one with a value.
tejido.oneSize = (rows) =>
  [...tejido.group(rows, (row) => row.size_class).values()].map((group) => group.find((row) => row.share != null) || group[0]);

tejido.decompositionSection = async function decompositionSection(part, publisher, region) {
  const { h, t } = tejido;
  const rows = (await tejido.load("decomposition", region))
    .filter((row) => row.indicator === part.indicator && row.unit === part.unit && row.publisher === publisher);
  if (!rows.length) return null;
  const points = (row, column, name) => tejido.computed(row, column, tejido.points(row[column]), name, tejido.origins(row, ["country"]), { provenance: row.row_provenance, flags: row.flags });
  return h("section", {}, h("h2", {}, t("decomposition_title")), h("p", { class: "muted" }, t("decomposition_note")),
    tejido.table(t("decomposition_title"), [
      { label: t("year"), head: true, cell: (row) => row.time_period },
      { label: t("gap"), number: true, cell: (row) => points(row, "gap_points", t("gap")) },
      { label: t("mix"), number: true, cell: (row) => points(row, "mix_points", t("mix")) },
      { label: t("within"), number: true, cell: (row) => points(row, "within_points", t("within")) },
      { label: t("unexplained"), number: true, cell: (row) => points(row, "unexplained_points", t("unexplained")) },
      { label: t("weights"), cell: (row) => `${row.weights_dataset}, ${row.weights_year}` },
    ], rows, { class: "cards" }));
};

tejido.supportTable = async function supportTable(force, region, country) {
  const { h, t } = tejido;
  const [mine, theirs] = await Promise.all([tejido.load("activities", region), tejido.load("activities", country)]);
  const newest = (rows, part) => tejido.latest(rows.filter((row) => row.indicator === part.indicator && row.unit === part.unit
    && tejido.totals.includes(row.sector) && row.share != null));
  const rows = force.parts.map((part) => {
    const own = newest(mine, part);
    return { part, own, country: own && theirs.find((row) => row.indicator === part.indicator && row.unit === part.unit
      && row.sector === own.sector && row.time_period === own.time_period && row.publisher === own.publisher) };
  }).filter((row) => row.own);
  if (rows.length < 2) return null;
  return h("section", {}, h("h2", {}, t("supports_title")), h("p", { class: "muted" }, t("supports_note")),
    tejido.table(t("supports_title"), tejido.pairColumns(region, country), rows, { class: "cards" }));
};

// Which clusters need the force most, and how many members of the supplying cluster serve it.
tejido.forceClusters = async function forceClusters(force) {
  const { h, t } = tejido;
  const rows = (await tejido.load("needs")).filter((row) => row.force === force.force)
    .sort((a, b) => (b.lag_points ?? -Infinity) - (a.lag_points ?? -Infinity));
  if (!rows.length) return null;
  return h("section", {}, h("h2", {}, t("force_clusters_title")), h("p", { class: "muted" }, t("needs_note")),
    tejido.table(t("force_clusters_title"), [
      { label: t("cluster"), head: true, cell: (row) => h("a", { href: tejido.link("clusters", row.cluster, tejido.carried()) }, tejido.clusterName(row.cluster)) },
      { label: t("lag"), number: true, cell: (row) => (row.lag_points == null ? "–" : tejido.memberCount("lag_points", row, t("lag"), 1)) },
      { label: t("members"), number: true, cell: (row) => tejido.memberCount("members", row, t("members")) },
      { label: t("suppliers"), cell: tejido.suppliers },
    ], rows, { class: "cards" }));
};

// Columns that set a region beside its country: rows { part, own, country }.
tejido.pairColumns = function pairColumns(region, country) {
  const { t } = tejido;
  const name = (row) => tejido.indicatorName(row.part.indicator, row.part.unit);
  return [
    { label: t("indicator"), head: true, cell: (row) => [name(row), row.part.role === "lead" ? tejido.h("small", {}, t("lead_indicator")) : null] },
    { label: t("year"), cell: (row) => row.own.time_period },
    { label: tejido.regionName(region), number: true, cell: (row) => tejido.share(row.own, `${name(row)}, ${tejido.regionName(region)}`) },
    region === country ? null : { label: tejido.regionName(country), number: true, cell: (row) => (row.country ? tejido.share(row.country, `${name(row)}, ${tejido.regionName(country)}`) : "–") },
    region === country ? null : { label: t("gap_country"), number: true, cell: (row) => tejido.pairGap(row, name(row)) },
  ].filter(Boolean);
};

tejido.pairGap = function pairGap({ own, country }, name) {
  if (!country || own.share == null || country.share == null) return "–";
  const both = own.provenance === "official" && country.provenance === "official" ? "official" : "synthetic";
  return tejido.gap(own.share - country.share, { provenance: both, flags: own.flags, snapshot: own.snapshot, cell: own.cell,
    country_snapshot: country.snapshot, country_cell: country.cell }, ["country"], name);
};
