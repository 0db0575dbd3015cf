// The address after # is the whole state of the view: language, page, its subject, choices, and the open origin panel.
// A link to it opens exactly this view.
"use strict";

tejido.slugs = {
  overview: { es: "resumen", en: "overview" },
  force: { es: "fuerza", en: "force" },
  sectors: { es: "regiones-y-actividades", en: "regions-and-activities" },
  map: { es: "mapa", en: "map" },
  sector: { es: "actividad", en: "activity" },
  clusters: { es: "clusteres", en: "clusters" },
  briefing: { es: "informe", en: "briefing" },
  headlines: { es: "titulares", en: "headlines" },
  quality: { es: "calidad", en: "quality" },
  dictionary: { es: "diccionario", en: "dictionary" },
  downloads: { es: "descargas", en: "downloads" },
};

tejido.parseRoute = function parseRoute(hash) {
  const [path, query = ""] = hash.replace(/^#\/?/, "").split("?");
  const [language, slug, ...rest] = path.split("/").map(decodeURIComponent);
  const languages = tejido.build.languages;
  const known = Object.entries(tejido.slugs).find(([, names]) => Object.values(names).includes(slug));
  return {
    language: languages.includes(language) ? language : tejido.preferredLanguage(),
    page: known ? known[0] : "overview",
    subject: rest.join("/") || null,
    query: Object.fromEntries(new URLSearchParams(query)),
  };
};

tejido.preferredLanguage = () =>
  tejido.build.languages.find((language) => navigator.language.startsWith(language)) || tejido.build.languages[0];

tejido.link = function link(page, subject = null, query = {}, language = tejido.language) {
  const path = ["#", language, tejido.slugs[page][language], ...(subject ? [encodeURIComponent(subject)] : [])].join("/");
  const kept = new URLSearchParams(Object.entries(query).filter(([, value]) => value != null && value !== ""));
  const text = kept.toString().replaceAll("%3A", ":").replaceAll("%2C", ",").replaceAll("%2F", "/");
  return text ? `${path}?${text}` : path;
};

// The present view with some choices changed; null takes one away. What closes the origin closes the number, too.
tejido.linkWith = (changes, route = tejido.route) =>
  tejido.link(route.page, route.subject, { ...route.query, ...("origin" in changes ? { number: null } : {}), ...changes }, route.language);

tejido.go = (address) => { location.hash = address; };

// The region goes along from page to page.
tejido.region = () => tejido.route.query.region || tejido.build.home_region;
tejido.country = () => (tejido.names.regions.get(tejido.region()) || {}).country || tejido.region().slice(0, 2);
tejido.carried = () => (tejido.route.query.region ? { region: tejido.route.query.region } : {});
