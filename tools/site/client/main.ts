/** What the pages do by script: light or dark, the menu of small screens, buttons to copy, and the search. */

import { page, type PageElement } from "./dom.ts";
import { startSearch } from "./search.ts";

const { document } = page;
const root = document.documentElement;

startTheme();
startMenu();
startCode();
startToc();
startSearch();

/** The button turns what is shown now; where that is the system's own choice, nothing is kept. */
function startTheme(): void {
  const button = document.querySelector("button.theme")!;
  const dark = page.matchMedia("(prefers-color-scheme: dark)");
  const shown = () => root.dataset["theme"] ?? (dark.matches ? "dark" : "light");
  const tell = () =>
    button.setAttribute("aria-label", shown() === "dark" ? "Switch to light" : "Switch to dark");
  button.addEventListener("click", () => {
    const next = shown() === "dark" ? "light" : "dark";
    if (next === (dark.matches ? "dark" : "light")) {
      delete root.dataset["theme"];
      localStorage.removeItem("theme");
    } else {
      root.dataset["theme"] = next;
      localStorage.setItem("theme", next);
    }
    tell();
  });
  dark.addEventListener("change", tell);
  tell();
}

/** On small screens the list of pages is behind a button. */
function startMenu(): void {
  const button = document.querySelector("button.menu")!;
  const side = document.querySelector("#side")!;
  const show = (isOpen: boolean) => {
    button.setAttribute("aria-expanded", String(isOpen));
    root.classList.toggle("with-menu", isOpen);
  };
  button.addEventListener("click", () => show(button.getAttribute("aria-expanded") !== "true"));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || button.getAttribute("aria-expanded") !== "true") return;
    show(false);
    button.focus();
  });
  const here = side.querySelector("[aria-current]");
  if (here === null) return;
  // The list alone: `scrollIntoView` would scroll the page as well.
  const below = here.getBoundingClientRect().top - side.getBoundingClientRect().top;
  side.scrollTop += below - side.clientHeight / 2;
}

/** Programs can be copied, and what is wider than the page can be scrolled by the keyboard. */
function startCode(): void {
  for (const block of document.querySelectorAll(".code:not(.numbered, .shape)")) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.addEventListener("click", async () => {
      await page.navigator.clipboard.writeText(block.querySelector("pre")!.textContent ?? "");
      button.textContent = "Copied";
      setTimeout(() => button.textContent = "Copy", 1500);
    });
    block.append(button);
  }
  const observer = new page.ResizeObserver((entries) => {
    for (const { target } of entries) {
      const isWide = target.scrollWidth > target.clientWidth;
      if (!isWide) target.removeAttribute("tabindex");
      else target.setAttribute("tabindex", "0");
    }
  });
  for (const each of document.querySelectorAll("pre, .table, .drawing")) observer.observe(each);
}

/** Marks the heading that is being read. */
function startToc(): void {
  const links = new Map<string, PageElement>();
  for (const link of document.querySelectorAll(".toc a")) {
    links.set(decodeURIComponent(link.hash.slice(1)), link);
  }
  if (links.size === 0) return;
  const headings = [...links.keys()].map((id) => document.getElementById(id)).filter((each) =>
    each !== null
  );
  const mark = () => {
    const above = headings.filter((each) => each.getBoundingClientRect().top < 120);
    const current = (above.at(-1) ?? headings[0])?.id;
    for (const [id, link] of links) link.classList.toggle("here", id === current);
  };
  document.addEventListener("scroll", mark, { passive: true });
  mark();
}
