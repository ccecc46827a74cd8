"use strict";
(() => {
  const EVERY = 5000, STALE = 30000, LONGEST = 60000, KEY = "hubswitch-key", WHO = "hubswitch-by";
  const at = (id) => document.getElementById(id);
  const pair = new URLSearchParams(location.search).get("pair");
  const source = "/api/status" + (pair ? "?pair=" + encodeURIComponent(pair) : "");
  let shown = 0, timer = 0, chosen = null, opener = null, asking = false;

  const headers = (more) => {
    const key = sessionStorage.getItem(KEY);
    return { "x-hubswitch-request": "1", ...(key ? { "x-functions-key": key } : {}), ...more };
  };
  const ask = (path, options) => fetch(path, {
    cache: "no-store", credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(LONGEST), ...options,
  });
  const text = (element, words) => { if (element && element.textContent !== words) element.textContent = words; };
  const spell = (ms) => {
    const s = Math.max(0, Math.round(ms / 1000));
    if (s < 120) return s + " s";
    if (s < 7200) return Math.floor(s / 60) + " min" + (s < 600 ? " " + (s % 60) + " s" : "");
    return Math.floor(s / 3600) + " h " + Math.floor((s % 3600) / 60) + " min";
  };

  const parse = (html) => new DOMParser().parseFromString(html.replace(/<style>[^]*?<\/style>/g, ""), "text/html"); // it has a look of its own

  const open_entry = (why) => {
    text(at("entry-why"), why);
    const first = at("entry").hidden;
    at("entry").hidden = false;
    at("tools").hidden = true;
    at("content").replaceChildren();
    shown = 0;
    if (first) at("key").focus();
  };

  const show = (html) => {
    const page = parse(html);
    const fresh = page.querySelector("main"), summary = page.querySelector("#summary");
    if (!fresh || !summary) throw new Error("the answer is not the page");
    const held = document.activeElement, open = new Set([...document.querySelectorAll("main details[open]")].map((d) => d.id));
    const key = held && held.closest("main") ? [held.dataset.do, held.dataset.pair, held.getAttribute("href"), held.getAttribute("aria-label")].join("|") : null;
    const before = at("summary").textContent.replace(/as of.*/s, "").trim();
    at("summary").replaceChildren(...summary.childNodes);
    at("content").replaceChildren(...fresh.childNodes);
    for (const group of document.querySelectorAll(".actions[hidden]")) group.hidden = false;
    for (const details of document.querySelectorAll("main details")) details.open = open.has(details.id);
    if (key) for (const other of document.querySelectorAll("main button, main a, main [tabindex]"))
      if ([other.dataset.do, other.dataset.pair, other.getAttribute("href"), other.getAttribute("aria-label")].join("|") === key) { other.focus({ preventScroll: true }); break; }
    const after = at("summary").textContent.replace(/as of.*/s, "").trim();
    if (shown && before !== after) text(at("told"), after);
    document.title = page.title;
    if (!shown && location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();
    shown = Date.now();
    filter();
  };

  const refresh = async () => {
    if (asking) return;
    asking = true;
    clearTimeout(timer);
    try {
      const answer = await ask(source, { headers: headers({ Accept: "text/html" }) });
      if (answer.status === 401) {
        const had = sessionStorage.getItem(KEY);
        sessionStorage.removeItem(KEY);
        open_entry(had ? "That key is not one that the app knows." : "Sign in, or type a key.");
        text(at("age"), "waits for you");
        return;
      }
      if (answer.status === 403) { open_entry((await answer.json()).detail); text(at("age"), "not allowed"); return; }
      if (!answer.ok) throw new Error("the app answered " + answer.status);
      show(await answer.text());
      at("entry").hidden = true;
      at("tools").hidden = false;
      at("leave").hidden = !sessionStorage.getItem(KEY);
      at("fault").hidden = true;
    } catch (fault) {
      text(at("fault"), "The app does not answer (" + fault.message + "): what stands below is how it was, not how it is. It is asked again.");
      at("fault").hidden = false;
    } finally {
      asking = false;
      tick();
      if (at("entry").hidden) timer = setTimeout(refresh, document.hidden ? 6 * EVERY : EVERY);
    }
  };

  const tick = () => {
    const age = Date.now() - shown, stale = shown > 0 && age > STALE;
    document.body.classList.toggle("stale", stale);
    if (shown) text(at("age"), stale ? "STALE: last news more than " + spell(Math.floor(age / 30000) * 30000) + " ago" : "up to date, asked every " + EVERY / 1000 + " s");
    for (const each of document.querySelectorAll("[data-until]")) {
      const left = Date.parse(each.dataset.until) - Date.now();
      text(each, left > 0 ? "(in " + spell(left) + ")" : "(any moment)");
    }
  };

  const filter = () => {
    at("searching").hidden = !at("pairs");
    const wanted = at("search").value.trim().toLowerCase();
    for (const row of document.querySelectorAll("#pairs tbody tr")) row.hidden = Boolean(wanted) && !row.textContent.toLowerCase().includes(wanted);
    for (const card of document.querySelectorAll("main article")) card.hidden = Boolean(wanted) && !card.id.toLowerCase().includes(wanted) && !card.querySelector(".headline")?.textContent.toLowerCase().includes(wanted);
  };

  const is_partial = () => chosen.do === "drill" && at("kind").value === "partial";

  const show_workload = () => { at("workload-row").hidden = !is_partial(); };

  const open_order = (button) => {
    opener = { do: button.dataset.do, pair: button.dataset.pair };
    chosen = { ...opener, proposal: button.dataset.proposal };
    text(at("order-name"), button.firstChild.textContent.trim() + ": " + chosen.pair);
    text(at("order-about"), document.getElementById("pair-" + chosen.pair)?.querySelector(".headline")?.textContent ?? "");
    at("order-fault").hidden = true;
    at("force-row").hidden = !("force" in button.dataset);
    at("force").checked = false;
    at("kind-row").hidden = chosen.do !== "drill";
    show_workload();
    at("reason").value = "";
    if (at("by")) at("by").value = sessionStorage.getItem(WHO) ?? "";
    at("order").showModal();
    at("reason").focus();
  };

  const send = async (event) => {
    event.preventDefault();
    const reason = at("reason").value.trim(), by = at("by")?.value.trim();
    const refuse = (why) => { text(at("order-fault"), why); at("order-fault").hidden = false; };
    if (!reason) { refuse("A reason is needed."); at("reason").focus(); return; }
    if (by) sessionStorage.setItem(WHO, by);
    const body = { reason, ...(by ? { by } : {}), ...(chosen.proposal ? { proposal: chosen.proposal } : {}),
      ...(at("force").checked ? { force: true } : {}), ...(chosen.do === "drill" ? { kind: at("kind").value } : {}),
      ...(is_partial() ? { workload: at("workload").value.trim() } : {}) };
    at("order-go").disabled = true;
    try {
      const answer = await ask("/api/pairs/" + encodeURIComponent(chosen.pair) + "/" + chosen.do, {
        method: "POST", headers: headers({ "Content-Type": "application/json", Accept: "application/json" }), body: JSON.stringify(body),
      });
      const said = await answer.json().catch(() => ({}));
      if (!answer.ok) { refuse(said.detail ?? "The app answered " + answer.status + "."); return; }
      at("order").close();
      text(at("told"), "Handed over: " + (said.why ?? said.run));
      await refresh();
    } catch (fault) {
      refuse("Not known whether it arrived (" + fault.message + "): see how the pair stands before you send it again.");
    } finally {
      at("order-go").disabled = false;
    }
  };

  const open_document = async (link) => {
    text(at("document-name"), link.textContent);
    at("document-body").textContent = "asking";
    at("document").showModal();
    try {
      const answer = await ask(link.getAttribute("href"), { headers: headers({ Accept: "text/html, application/json;q=0.9" }) });
      if ((answer.headers.get("content-type") ?? "").startsWith("text/html")) {
        const page = parse(await answer.text());
        at("document-body").replaceChildren(...page.body.childNodes);
        if (link.hash) at("document-body").querySelector(link.hash)?.scrollIntoView();
      } else {
        const said = document.createElement("pre");
        said.textContent = JSON.stringify(await answer.json(), null, 2);
        at("document-body").replaceChildren(said);
      }
    } catch (fault) {
      text(at("document-body"), "It could not be had: " + fault.message);
    }
  };

  document.addEventListener("click", (event) => {
    const button = event.target.closest("main button[data-do]");
    if (button) { open_order(button); return; }
    const link = event.target.closest('main a[href^="/api/"]');
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey) { event.preventDefault(); open_document(link); }
  });
  at("order").addEventListener("close", () => {
    if (opener) document.querySelector('main button[data-do="' + opener.do + '"][data-pair="' + CSS.escape(opener.pair) + '"]')?.focus();
  });
  at("kind").addEventListener("change", show_workload);
  at("order-form").addEventListener("submit", send);
  at("order-cancel").addEventListener("click", () => at("order").close());
  at("document-close").addEventListener("click", () => at("document").close());
  at("search").addEventListener("input", filter);
  at("again").addEventListener("click", refresh);
  at("leave").addEventListener("click", () => { sessionStorage.removeItem(KEY); location.reload(); });
  at("entry-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, at("key").value.trim());
    at("key").value = "";
    refresh();
  });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && at("entry").hidden) refresh(); });
  setInterval(tick, 1000);
  refresh();
})();
