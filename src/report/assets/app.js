// The frame around every page, and the step from one view to the next.
"use strict";

tejido.navigation = ["overview", "force", "sectors", "map", "sector", "clusters", "headlines", "quality", "dictionary", "downloads"];

tejido.frame = function frame(route) {
  const { h, t } = tejido;
  const { build } = tejido;
  const other = build.languages.filter((language) => language !== route.language);
  const nav = h("nav", { "aria-label": t("pages"), id: "pages" }, h("ul", {}, tejido.navigation.map((page) => h("li", {},
    h("a", {
      href: tejido.link(page, page === "force" ? tejido.forces[0].force : null, tejido.carried()),
      "aria-current": page === route.page || (route.page === "briefing" && page === "clusters") ? "page" : null,
    }, t(`page_${page}`))))));
  const menu = h("button", { type: "button", class: "plain menu", "aria-expanded": "false", "aria-controls": "pages", onclick: () => {
    const open = nav.classList.toggle("open");
    menu.setAttribute("aria-expanded", String(open));
  } }, t("menu"));
  return [
    h("a", { class: "skip", href: "#content", onclick: (event) => {
      event.preventDefault();
      document.getElementById("content").focus();
    } }, t("skip")),
    h("header", { class: "top" },
      h("div", { class: "name" },
        build.logo ? h("img", { src: build.logo, alt: build.publisher }) : null,
        h("div", {}, h("a", { class: "title", href: tejido.link("overview", null, tejido.carried()) }, build.title[route.language] || build.title),
          h("p", { class: "publisher" }, build.publisher))),
      h("div", { class: "switches" },
        menu,
        other.map((language) => h("a", { class: "plain", lang: language, hreflang: language,
          href: tejido.link(route.page, route.subject, route.query, language) }, tejido.text[language].language_name)),
        h("button", { type: "button", class: "plain", onclick: tejido.theme.toggle }, t("theme"))),
      nav),
    build.profile === "sample" ? h("div", { class: "banner", role: "note" },
      h("p", {}, h("b", {}, t("sample_title")), " ", tejido.sentence("sample_text", Object.fromEntries(["synthetic", "official"].map((kind) =>
        [kind, tejido.count(build.provenance[kind] ?? 0, tejido.counted("pipelines", [], {}, `sum.provenance.${kind}`), t(`provenance_${kind}`))]))))) : null,
    h("main", { id: "content", tabindex: -1 }, h("p", { class: "loading" }, t("loading"))),
    h("aside", { id: "origin", class: "origin", "aria-labelledby": "origin-title", hidden: true }),
    h("footer", {},
      h("p", {}, t("footer_build", { build: build.id, date: tejido.moment(build.built_at) })),
      h("p", {}, h("a", { href: tejido.link("downloads", null, tejido.carried()) }, t("footer_sources")))),
  ];
};

// `again` draws a view that stands already.
tejido.render = async function render({ again = false } = {}) {
  const route = tejido.parseRoute(location.hash);
  const before = tejido.route;
  tejido.route = route;
  tejido.language = route.language;
  document.documentElement.lang = route.language;
  const view = (one) => {
    if (!one) return null;
    const { origin, number, ...query } = one.query;
    return JSON.stringify([one.language, one.page, one.subject, query]);
  };
  const same = !again && view(before) === view(route);
  if (!same) {
    const app = document.getElementById("app");
    const kept = document.activeElement && document.activeElement.closest(".choice") ? document.activeElement.previousElementSibling?.textContent : null;
    const samePage = before && before.page === route.page && before.subject === route.subject && before.language === route.language;
    const top = samePage ? scrollY : 0;
    app.replaceChildren(...tejido.flat(tejido.frame(route)));
    const main = document.getElementById("content");
    try {
      main.replaceChildren(...tejido.flat([await tejido.pages[route.page](route)]));
    } catch (error) {
      // What is wrong with the report itself shall be seen by who develops it, and said to who reads it.
      main.replaceChildren(tejido.h("p", { role: "alert" }, tejido.t("failed", { what: error.message })));
      console.error(error);
    }
    const heading = main.querySelector("h1");
    document.title = [heading && heading.textContent, tejido.build.title[route.language] || tejido.build.title].filter(Boolean).join(" · ");
    scrollTo(0, top);
    if (kept) [...main.querySelectorAll(".choice")].find((node) => node.firstChild.textContent === kept)?.querySelector("select").focus();
    else if (before && heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
  }
  for (const link of document.querySelectorAll(".switches a[hreflang]"))
    link.href = tejido.link(route.page, route.subject, route.query, link.hreflang);
  await tejido.lineage.show(route.query);
  document.body.dataset.ready = location.hash || "#";
};

// A page's heading with what it is about, and its choices.
tejido.heading = function heading(title, lead, ...choices) {
  const { h } = tejido;
  return h("header", { class: "page" }, h("h1", {}, title), lead ? h("p", { class: "lead" }, lead) : null,
    choices.length ? h("div", { class: "choices" }, choices) : null);
};

// Which region: those of the country that have figures, then the countries. Parts of a country between both are not offered.
tejido.regionChoice = function regionChoice(codes) {
  const country = tejido.country();
  const known = (codes || tejido.build.parts.overview || []).filter((code) => tejido.names.regions.has(code) && tejido.names.regions.get(code).level !== "nuts1");
  const name = (code) => ({ value: code, label: tejido.regionName(code) });
  const order = (list) => list.map(name).sort((a, b) => a.label.localeCompare(b.label, tejido.locale()));
  const own = order(known.filter((code) => code.startsWith(country) && code !== country));
  const countries = order(known.filter((code) => code.length === 2));
  const others = order(known.filter((code) => code.length > 2 && !code.startsWith(country)));
  const { h } = tejido;
  const option = (one) => h("option", { value: one.value, selected: one.value === tejido.region() }, one.label);
  return h("label", { class: "choice" }, h("span", {}, tejido.t("region")),
    h("select", { onchange: (event) => tejido.go(tejido.linkWith({ region: event.target.value, origin: null })) },
      h("optgroup", { label: tejido.regionName(country) }, own.map(option)),
      h("optgroup", { label: tejido.t("countries") }, countries.map(option)),
      others.length ? h("optgroup", { label: tejido.t("other_regions") }, others.map(option)) : null));
};

tejido.choose = (label, key, options, value) =>
  tejido.select(label, options, value, (chosen) => tejido.go(tejido.linkWith({ [key]: chosen, origin: null })));

tejido.start = async function start() {
  tejido.language = tejido.parseRoute(location.hash).language;
  await tejido.loadNames();
  addEventListener("hashchange", () => tejido.render());
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", tejido.chart.redrawAll);
  await tejido.render();
};

tejido.start();
