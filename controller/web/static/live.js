// Draws the facts anew every few seconds, while somebody looks.  The page is whole without it.
"use strict";
(() => {
  const every = Number(document.body.dataset.refresh) * 1000;
  const live = document.getElementById("live");
  const stale = document.getElementById("stale");
  if (!every || !live) return;
  let timer = 0;

  // Somebody fills in a form, or marks text to copy it: leave the page as it is.
  const busy = () =>
    live.querySelector("form :focus, input:checked") !== null ||
    String(document.getSelection()) !== "";

  function take(text) {
    const fresh = new DOMParser().parseFromString(text, "text/html");
    const facts = fresh.getElementById("live");
    if (!facts) throw new Error("no facts");
    const focused = live.contains(document.activeElement)
      ? document.activeElement.getAttribute("href")
      : null;
    live.replaceChildren(...facts.childNodes);
    if (focused !== null) {
      const link = [...live.querySelectorAll("a")].find((a) => a.getAttribute("href") === focused);
      if (link) link.focus({ preventScroll: true });
    }
    document.title = fresh.title;
    document.getElementById("icon").href = fresh.getElementById("icon").href;
    document.getElementById("as-of").replaceWith(fresh.getElementById("as-of"));
    const verdict = document.getElementById("verdict");
    const now = fresh.getElementById("verdict");
    if (verdict.textContent !== now.textContent) {
      verdict.className = now.className;
      verdict.replaceChildren(...now.childNodes);
    }
  }

  async function refresh() {
    clearTimeout(timer);
    if (document.hidden) return;
    try {
      if (!busy()) {
        const answer = await fetch(location.pathname, { cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        take(await answer.text());
        stale.hidden = true;
      }
    } catch {
      const at = document.getElementById("as-of").textContent;
      const said = `This page no longer hears from the controller. What it shows is of ${at}.`;
      if (stale.hidden) stale.textContent = said;
      stale.hidden = false;
    }
    timer = setTimeout(refresh, every);
  }

  document.addEventListener("visibilitychange", refresh);
  timer = setTimeout(refresh, every);
})();
