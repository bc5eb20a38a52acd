// Light, dark, or as the browser has it. The choice stays in this browser, and its button is in the bar.

import { icon } from "./dom.js";
import { t } from "./strings.js";

const THEMES = { auto: "auto", light: "sun", dark: "moon" };

const chosen = () => localStorage.getItem("theme") ?? "auto";

/** Apply the chosen theme, and show it on its button. */
export function showTheme() {
  const theme = chosen();
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  document.documentElement.dataset.theme = dark ? "dark" : "light";
  const button = document.getElementById("theme");
  button.replaceChildren(icon(THEMES[theme] ?? "auto"));
  button.title = t("theme", { name: t(`theme.${theme}`) });
  button.setAttribute("aria-label", button.title);
}

function nextTheme() {
  const names = Object.keys(THEMES);
  localStorage.setItem("theme", names[(names.indexOf(chosen()) + 1) % names.length]);
  showTheme();
}

/** Show the theme, and change it with the button and with the browser. */
export function startTheme() {
  showTheme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
  document.getElementById("theme").addEventListener("click", nextTheme);
}
