// Light or dark: what the system says, unless the reader has chosen. Runs before the first paint.
"use strict";

tejido.theme = {
  // Browsers may refuse storage to pages opened from a file; the choice then lasts as long as the page.
  stored() {
    try { return localStorage.getItem("tejido-theme"); } catch { return null; }
  },
  isDark() {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  },
  choose(name) {
    document.documentElement.dataset.theme = name;
    try { localStorage.setItem("tejido-theme", name); } catch { /* see above */ }
    tejido.chart.redrawAll();
  },
  toggle() { tejido.theme.choose(tejido.theme.isDark() ? "light" : "dark"); },
};

{
  const stored = tejido.theme.stored();
  if (stored === "dark" || stored === "light") document.documentElement.dataset.theme = stored;
}
