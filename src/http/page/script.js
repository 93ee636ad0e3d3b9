"use strict";
// Keeps a page fresh without losing the reader's place: asks for the same page again and changes
// what differs. Nodes stay, and with them scroll, focus and open details; what is read keeps its
// place by the browser's scroll anchoring; selected text is not touched.
(() => {
  const period = Number(document.body.dataset.period) * 1000;
  const patience = 10_000; // as long as the server takes for an answer
  const main = document.getElementById("main");
  const asOf = document.getElementById("now");
  const pause = document.getElementById("pause");
  const stale = document.getElementById("stale");
  let [paused, busy, timer] = [false, false, 0];

  // Makes `old` equal to `fresh`; nodes with an id are recognized wherever they went.
  function renew(old, fresh) {
    if (old.isEqualNode(fresh)) return;
    if (old.nodeType !== Node.ELEMENT_NODE || old.nodeName !== fresh.nodeName) {
      old.replaceWith(fresh);
      return;
    }
    for (const { name } of [...old.attributes]) {
      if (name !== "open" && !fresh.hasAttribute(name)) old.removeAttribute(name);
    }
    for (const { name, value } of fresh.attributes) {
      if (name !== "open" && old.getAttribute(name) !== value) old.setAttribute(name, value);
    }
    const known = new Map([...old.children].filter((one) => one.id).map((one) => [one.id, one]));
    let at = old.firstChild;
    for (const next of [...fresh.childNodes]) {
      const same = next.id ? known.get(next.id) : at && !at.id ? at : null;
      if (!same) {
        old.insertBefore(next, at);
      } else {
        if (same === at) at = at.nextSibling;
        else old.insertBefore(same, at);
        renew(same, next);
      }
    }
    for (let gone = at; gone; gone = at) {
      at = gone.nextSibling;
      gone.remove();
    }
  }

  // What has the focus, found again in case its node had to be replaced or moved.
  function refocus(held) {
    if (!held || held === document.activeElement) return;
    const isTwin = (one) => one.id === held.id
      && one.getAttribute("href") === held.getAttribute("href");
    const twin = [...main.querySelectorAll(held.localName)].find(isTwin);
    (twin ?? main).focus({ preventScroll: true });
  }

  function show(page) {
    const fresh = page.getElementById("main");
    if (!fresh) throw new Error("not a page of ours");
    // Another version answers: take its style and script too.
    if (page.scripts[0].src !== document.scripts[0].src) location.reload();
    const held = main.contains(document.activeElement) ? document.activeElement : null;
    renew(main, fresh);
    refocus(held);
    document.title = page.title;
    renew(asOf, page.getElementById("now"));
  }

  async function refresh() {
    const isReading = main.contains(getSelection().anchorNode) && !getSelection().isCollapsed;
    if (paused || busy || document.hidden || isReading) return;
    busy = true;
    try {
      const answer = await fetch(location.href, {
        headers: { Accept: "text/html" },
        signal: AbortSignal.timeout(patience),
      });
      show(new DOMParser().parseFromString(await answer.text(), "text/html"));
      stale.textContent = "";
    } catch {
      const since = asOf.textContent.replace("as of ", "");
      stale.textContent = `Stale since ${since}: the daemon does not answer.`;
    } finally {
      busy = false;
    }
  }

  function restart() {
    clearInterval(timer);
    timer = setInterval(refresh, period);
  }

  // Copies the text of the element that a button names. Browsers permit it on HTTPS and on the
  // loopback address only; elsewhere the text is selected, so that the keyboard copies it.
  async function copy(button) {
    const source = document.getElementById(button.dataset.copies);
    if (!source) return;
    try {
      await navigator.clipboard.writeText(source.textContent);
      button.textContent = "Copied";
    } catch {
      const box = source.closest("details");
      if (box) box.open = true;
      getSelection().selectAllChildren(source);
      button.textContent = "Selected: copy it with the keyboard";
    }
  }

  document.body.classList.add("scripted");
  main.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-copies]");
    if (button) copy(button);
  });
  pause.hidden = false;
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.textContent = paused ? "Resume" : "Pause";
    document.body.classList.toggle("paused", paused);
    if (!paused) refresh();
    restart();
  });
  document.addEventListener("visibilitychange", refresh);
  restart();
})();
