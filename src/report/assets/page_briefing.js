// Two pages to hand to a cluster's board: where its members' activities stand, and who in the supplying cluster can help.
// On paper each half is a page of its own.
"use strict";

tejido.pages.briefing = async function briefing(route) {
  const { h, t } = tejido;
  const [clusters, allNeeds] = await Promise.all([tejido.load("clusters"), tejido.load("needs")]);
  const withNeeds = clusters.filter((row) => allNeeds.some((need) => need.cluster === row.cluster));
  const one = withNeeds.find((row) => row.cluster === route.subject) || withNeeds[0];
  if (!one) return [tejido.heading(t("briefing")), h("p", { class: "notice" }, t("no_rows"))];
  const sectors = await tejido.load("need_sectors", one.cluster);
  const needs = allNeeds.filter((row) => row.cluster === one.cluster);
  const measured = needs.filter((row) => row.lag_points != null);
  const behind = measured.filter((row) => row.lag_points > 0);
  const supplier = tejido.supplierOf(allNeeds);
  const name = tejido.clusterName(one.cluster);
  const rest = needs.filter((row) => row.lag_points == null);
  return h("article", { class: "briefing" },
    h("div", { class: "no-print choices" },
      tejido.select(t("cluster"), withNeeds.map((row) => ({ value: row.cluster, label: tejido.clusterName(row.cluster) })), one.cluster,
        (cluster) => tejido.go(tejido.link("briefing", cluster, { ...route.query, origin: null, number: null }))),
      h("button", { type: "button", class: "action", onclick: () => print() }, t("print")),
      h("a", { class: "plain", href: tejido.link("clusters", one.cluster, tejido.carried()) }, t("page_clusters"))),
    tejido.heading(t("briefing_title", { cluster: name }),
      tejido.sentence("briefing_lead", { cluster: name, members: tejido.memberCount("members", one, t("members")),
        behind: tejido.ofRows(behind, "lag_points", measured), measured: tejido.ofRows(measured, "lag_points") })),
    h("p", { class: "muted" }, `${one.attribution}. ${t("data_of")} ${tejido.date(one.vintage)}. ${t("role_export")}: ${t(`provenance_${one.provenance}`)}.`),
    h("section", { class: "page-one" },
      h("h2", {}, t("briefing_one")),
      tejido.needsChart(needs, name),
      // As many as the first of two pages has room for.
      tejido.needSectorsTable(sectors, 5)),
    h("section", { class: "page-two" },
      h("h2", {}, t("briefing_two", { supplier })),
      h("p", { class: "muted" }, t("needs_note")),
      h("ol", { class: "needs" }, measured.map((row) => tejido.needItem(row))),
      rest.length ? h("p", {}, h("b", {}, `${t("unmeasured")}. `), t("unmeasured_note", { forces: tejido.list(rest.map((row) => tejido.forceName(row.force))) })) : null,
      h("p", { class: "method" }, t("briefing_method"))));
};

tejido.needItem = function needItem(row) {
  const { h, t } = tejido;
  const reasons = (tejido.named(row, "supplier_reasons") || "").split("; ").filter(Boolean);
  return h("li", {},
    h("h3", {}, tejido.forceName(row.force)),
    h("p", {}, tejido.computed(row, "lag_points", tejido.number(Math.abs(row.lag_points), 1), t("lag"), [{ snapshot: row.snapshot, cell: null, role: "export" }]), ` ${t("points_word")} `,
      row.lag_points > 0 ? t("behind_word") : t("ahead_word"), ". ",
      h("b", {}, tejido.suppliers(row)), "."),
    reasons.length ? h("ul", {}, reasons.map((reason) => {
      const [division, ...text] = reason.split(": ");
      const counts = (row.supplier_divisions || "").split(", ").map((pair) => pair.split(": "));
      const count = counts.find(([code]) => code === division);
      return h("li", {}, h("b", {}, tejido.sectorName(division)), count ? [" (", tejido.computed(row, "supplier_divisions", count[1], tejido.sectorName(division)), ")"] : "", `. ${text.join(": ")}.`);
    })) : null);
};
